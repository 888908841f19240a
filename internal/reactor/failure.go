package reactor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// RecordError is a record that failed where the error policy is to fail.
type RecordError struct{ processor.Failure }

// Error names the record, the step, the reason and the ways out.
func (e *RecordError) Error() string {
	s := fmt.Sprintf("%s: %s", place(&e.Failure), e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s + " (to go on without such records, set an error policy that skips or dead-letters them)"
}

// place says what failed, and where.
func place(f *processor.Failure) string {
	if f.Topic == "" {
		return fmt.Sprintf("step %q failed in a punctuation, or with what a record cache had held back", f.Step)
	}
	return fmt.Sprintf("record at topic %q partition %d offset %d failed in step %q", f.Topic, f.Partition, f.Offset, f.Step)
}

// Unwrap is the cause; nil where the reason says it all.
func (e *RecordError) Unwrap() error { return e.Err }

// Fail hands the record being processed to the error policy: processor.Host.
func (t *Task) Fail(step *processor.Step, reason processor.Reason, err error) error {
	f := processor.Failure{Step: step.Name, Reason: reason, Offset: -1, Err: err}
	var raw *record.Raw
	var source processor.ErrorPolicies
	if in := t.current; in != nil {
		raw = in.raw()
		f.Topic, f.Partition, f.Offset = in.partition.Topic, in.partition.ID, raw.Offset
		source = in.policies
	}
	policy, undecided := processor.Choose(&f, source, t.config.Policies)
	if undecided != nil {
		f.Err = errors.Join(f.Err, fmt.Errorf("choose its error policy: %w", undecided))
		return &RecordError{f}
	}
	if policy.Action == processor.FailAction {
		return &RecordError{f}
	}
	if err := t.config.Errors.pass(&f); err != nil {
		return err
	}
	t.counters.drop(step.Name, reason)
	if policy.Action == processor.DeadLetterAction && raw != nil {
		topic := t.config.Topic(policy.Topic)
		if topic == nil {
			f.Err = errors.Join(f.Err, fmt.Errorf("the topic %q, for dead letters, does not exist: create it", policy.Topic))
			return &RecordError{f}
		}
		t.counters.DeadLettered++
		t.outputs.Add(deadLetter(topic, raw, &f))
	}
	t.failures.note(t.ID, &f)
	return nil
}

// Outputs is where steps put encoded records: processor.Host.
func (t *Task) Outputs() *processor.Outputs { return &t.outputs }

// The headers of a dead letter. The first six are Kafka Streams' (KIP-1034).
const (
	headerException = "__streams.errors.exception"
	headerMessage   = "__streams.errors.message"
	headerStack     = "__streams.errors.stacktrace"
	headerTopic     = "__streams.errors.topic"
	headerPartition = "__streams.errors.partition"
	headerOffset    = "__streams.errors.offset"
	headerReason    = "pitwheel.errors.reason"
	headerStep      = "pitwheel.errors.step"
)

// deadLetter is the record as it was read, with what became of it in headers.
func deadLetter(topic *processor.Topic, raw *record.Raw, f *processor.Failure) processor.Output {
	exception, message, stack := string(f.Reason), string(f.Reason), ""
	if f.Err != nil {
		exception, message = fmt.Sprintf("%T", f.Err), f.Err.Error()
	}
	if p, ok := errors.AsType[*processor.PanicError](f.Err); ok {
		stack = string(p.Stack)
	}
	headers := append(record.Headers{}, raw.Headers...)
	for _, h := range [...][2]string{
		{headerException, exception},
		{headerMessage, message},
		{headerStack, stack},
		{headerTopic, f.Topic},
		{headerPartition, strconv.Itoa(int(f.Partition))},
		{headerOffset, strconv.FormatInt(f.Offset, 10)},
		{headerReason, string(f.Reason)},
		{headerStep, f.Step},
	} {
		headers = append(headers, record.Header{Key: h[0], Value: []byte(h[1])})
	}
	partition := int32(-1)
	if raw.Key != nil {
		partition = processor.PartitionOf(raw.Key, topic.Partitions)
	}
	return processor.Output{Topic: topic, Partition: partition, Key: raw.Key, Value: raw.Value, Time: raw.Time, Headers: headers}
}

// failureLog logs what was let pass, at most once a second for each reason, and says how many
// were not logged. Keys and values are never logged.
type failureLog struct {
	log     *slog.Logger
	reasons map[processor.Reason]*loggedReason
}

type loggedReason struct {
	at      time.Time
	skipped int64
}

const failureLogEvery = time.Second

func (l *failureLog) note(id record.TaskID, f *processor.Failure) {
	if l.reasons == nil {
		l.reasons = map[processor.Reason]*loggedReason{}
	}
	r := l.reasons[f.Reason]
	if r == nil {
		r = &loggedReason{}
		l.reasons[f.Reason] = r
	}
	now := time.Now()
	if !r.at.IsZero() && now.Sub(r.at) < failureLogEvery {
		r.skipped++
		return
	}
	attrs := []slog.Attr{
		slog.String("reason", string(f.Reason)), slog.String("step", f.Step), slog.String("task", id.String()),
		slog.String("topic", f.Topic), slog.Int("partition", int(f.Partition)), slog.Int64("offset", f.Offset),
	}
	if f.Err != nil {
		attrs = append(attrs, slog.Any("error", f.Err))
	}
	if r.skipped > 0 {
		attrs = append(attrs, slog.Int64("not_logged", r.skipped))
	}
	l.log.LogAttrs(context.Background(), slog.LevelWarn, "record dropped", attrs...)
	r.at, r.skipped = now, 0
}
