package reactor

import (
	"errors"
	"testing"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/tracing"
)

// A record gets its trace context when it is sent, each time another: the step that puts it out again
// must find it refused all the same, and the producer's record be known.
func TestRefusedRecordIsKnownWithoutItsTrace(t *testing.T) {
	topic := &processor.Topic{Name: "out", Partitions: 1}
	own := record.Header{Key: "own", Value: []byte("x")}
	sent := func(trace string) processor.Output {
		return processor.Output{Topic: topic, Key: []byte("k"), Value: []byte("v"), Time: 7, Headers: record.Headers{
			own, {Key: tracing.TraceparentHeader, Value: []byte(trace)}, {Key: tracing.TracestateHeader, Value: []byte("s" + trace)},
		}}
	}
	var r refusals
	if !r.add(kafka.RefusedRecord{Output: sent("1"), Err: &kafka.ProduceError{Err: errors.New("too large")}}) {
		t.Fatal("a new refusal is taken for a known one")
	}
	put := processor.Output{Topic: topic, Key: []byte("k"), Value: []byte("v"), Time: 7, Headers: record.Headers{own}}
	if r.find(&put) == nil {
		t.Error("the step's record is not known to be refused")
	}
	if r.add(kafka.RefusedRecord{Output: sent("2")}) {
		t.Error("the same record with another trace is taken for a new refusal")
	}
	other := put
	other.Headers = nil
	if r.find(&other) != nil {
		t.Error("a record without the header is another one")
	}
}
