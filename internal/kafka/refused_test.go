package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// refuse has brokers refuse every batch with a value that begins with "bad".
func (f *fake) refuse() {
	f.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		f.KeepControl()
		request := r.(*kmsg.ProduceRequest)
		bad := false
		for _, topic := range request.Topics {
			for _, p := range topic.Partitions {
				var batch kmsg.RecordBatch
				if err := batch.ReadFrom(p.Records); err != nil {
					return nil, err, true
				}
				plain, err := kgo.DefaultDecompressor().Decompress(batch.Records, kgo.CompressionCodecType(batch.Attributes&7))
				if err != nil {
					return nil, err, true
				}
				bad = bad || strings.Contains(string(plain), "bad")
			}
		}
		if !bad {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range request.Topics {
			of := kmsg.NewProduceResponseTopic()
			of.Topic, of.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				refused := kmsg.NewProduceResponseTopicPartition()
				refused.Partition, refused.ErrorCode = p.Partition, kerr.InvalidTimestamp.Code
				of.Partitions = append(of.Partitions, refused)
			}
			response.Topics = append(response.Topics, of)
		}
		return response, nil, true
	})
}

// suspects produces values of which some are refused, and returns those that were, alone or not.
func (f *fake) suspects(p *Producer, values ...string) []Suspect {
	f.t.Helper()
	p.mustProduce(f.t, "out", values...)
	if err := p.Flush(limited(f.t)); !Refused(err) {
		f.t.Fatalf("Flush = %v, want a refusal", err)
	}
	suspects := p.Suspects()
	if err := p.Renew(limited(f.t)); err != nil {
		f.t.Fatal(err)
	}
	if len(p.Suspects()) != 0 {
		f.t.Error("a new client has suspects")
	}
	return suspects
}

func foundValues(found []RefusedRecord) (values []string) {
	for i := range found {
		values = append(values, string(found[i].Value))
	}
	return values
}

// Whatever of a batch is refused is found, it alone, and nothing that was sent to find it is seen.
func TestRefusedRecordsAreFound(t *testing.T) {
	for name, bad := range map[string][]int{
		"the first": {0}, "the last": {99}, "some": {3, 4, 50}, "all but one": nil,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, 1, "in", "out")
			f.refuse()
			p := f.producer("id")
			n := 100
			if bad == nil {
				n, bad = 8, []int{0, 1, 2, 4, 5, 6, 7}
			}
			values, want := make([]string, n), []string(nil)
			for i := range values {
				values[i] = fmt.Sprint("good", i)
				if slices.Contains(bad, i) {
					values[i] = fmt.Sprint("bad", i)
					want = append(want, values[i])
				}
			}
			found, err := p.FindRefused(limited(t), f.suspects(p, values...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, foundValues(found)); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			for i := range found {
				if !errors.Is(found[i].Err, kerr.InvalidTimestamp) || found[i].Topic.Name != "out" || found[i].Time != 1 {
					t.Errorf("found %+v", found[i])
				}
			}
			// The producer goes on as a new one.
			p.mustProduce(t, "out", "after")
			if err := p.Flush(limited(t)); err != nil {
				t.Fatal(err)
			}
			if err := p.Commit(limited(t), nobody, f.offset(1, "")); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"after"}, f.committed("out")); diff != "" {
				t.Errorf("committed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchForRefusedRecordsEndsWhenEnoughAreFound(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	f.refuse()
	p := f.producer("id")
	values := make([]string, 3*maxFound)
	for i := range values {
		values[i] = fmt.Sprint("bad", i)
	}
	found, err := p.FindRefused(limited(t), f.suspects(p, values...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values[:maxFound], foundValues(found)); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// A single record is refused for itself: it is not sent again.
func TestSingleSuspectIsNotSentAgain(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	f.refuse()
	p := f.producer("id")
	suspects := f.suspects(p, "bad")
	sent := f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Observe: true, Count: -1})
	found, err := p.FindRefused(limited(t), suspects)
	if err != nil || len(found) != 1 || sent.Hits() != 0 {
		t.Errorf("found %v, %v, %d requests", foundValues(found), err, sent.Hits())
	}
}

// What else goes wrong during the search ends it, and the producer is a new one all the same.
func TestSearchForRefusedRecordsEndsWithAnotherError(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	f.refuse()
	p := f.producer("id")
	suspects := f.suspects(p, "good", "bad", "good")
	f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidProducerEpoch, Count: 1})
	if found, err := p.FindRefused(limited(t), suspects); !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("found %v, %v", foundValues(found), err)
	}
	p.mustProduce(t, "out", "after")
	if err := p.Flush(limited(t)); err != nil {
		t.Error(err)
	}
}

// Only what concerns the record itself is a refusal of it.
func TestRefusedIsOfTheRecordNotOfItsTopic(t *testing.T) {
	for _, err := range []error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.UnsupportedForMessageFormat} {
		if !Refused(&ProduceError{Err: err}) || !Permanent(err) {
			t.Errorf("%v is no refusal", err)
		}
	}
	for _, err := range []error{kerr.TopicAuthorizationFailed, kerr.InvalidTopicException, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.CorruptMessage, nil} {
		if Refused(err) {
			t.Errorf("%v is a refusal", err)
		}
	}
}
