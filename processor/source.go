package processor

import (
	"errors"
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// SourceConfig is how a source reads its topics. Key and Value are needed; at most one of
// EventTime and Timestamp is set. With neither the event time is Kafka's timestamp.
type SourceConfig[K, V any] struct {
	Key   serde.Serde[K]
	Value serde.Serde[V]
	// EventTime finds the event time in the record; the zero time says that it found none.
	EventTime func(K, V) time.Time
	// Timestamp finds the event time, knowing the record with Kafka's timestamp (-1: none) and
	// the highest event time of its partition so far (-1: none). A negative time says that it
	// found none. Kafka: TimestampExtractor.
	Timestamp func(r record.Record[K, V], partitionTime record.Time) record.Time
}

// NewTypedSource makes the sources of a task: one per partition, each with its serdes bound to
// its topic. next takes the records of all of them.
func NewTypedSource[K, V any](step *Step, c SourceConfig[K, V], next Emit[K, V]) NewSource {
	return func(topic string) Source {
		return &typedSource[K, V]{
			step:   step,
			config: c,
			key:    serde.Bind(c.Key, topic, serde.Key),
			value:  serde.Bind(c.Value, topic, serde.Value),
			keys:   record.NullsOf[K](),
			values: record.NullsOf[V](),
			next:   next,
		}
	}
}

// typedSource holds the partition's head record between Load and Emit.
type typedSource[K, V any] struct {
	step   *Step
	config SourceConfig[K, V]
	key    serde.Serde[K]
	value  serde.Serde[V]
	keys   record.Nulls[K]
	values record.Nulls[V]
	next   Emit[K, V]

	headKey        K
	headValue      V
	noKey, noValue bool
	head           record.Record[K, V]
}

var _ Source = (*typedSource[string, string])(nil)

// Load implements Source.
func (s *typedSource[K, V]) Load(
	raw *record.Raw, partitionTime record.Time,
) (at record.Time, ok bool, err error) {
	if err := s.decodeKey(raw.Key); err != nil {
		return 0, false, s.step.Fail(DecodeKey, err)
	}
	if err := s.decodeValue(raw.Value); err != nil {
		return 0, false, s.step.Fail(DecodeValue, err)
	}
	at, reason, err := s.eventTime(raw, partitionTime)
	if reason != "" {
		return 0, false, s.step.Fail(reason, err)
	}
	s.head = record.Make(s.headKey, s.noKey, s.headValue, s.noValue, at, raw.Headers)
	return at, true, nil
}

// Emit implements Source.
func (s *typedSource[K, V]) Emit() error { return s.next(&s.head) }

// decodeKey reads null bytes as null without asking the serde, and what the serde makes of other
// bytes may be null too: JSON's null, for one.
func (s *typedSource[K, V]) decodeKey(data []byte) (err error) {
	var none K
	s.headKey, s.noKey = none, true
	if data == nil {
		return nil
	}
	if s.headKey, err = decode(s.key, data); err != nil {
		return fmt.Errorf("decode key of %d bytes as %T: %w", len(data), none, err)
	}
	s.noKey = s.keys.Has(&s.headKey)
	return nil
}

func (s *typedSource[K, V]) decodeValue(data []byte) (err error) {
	var none V
	s.headValue, s.noValue = none, true
	if data == nil {
		return nil
	}
	if s.headValue, err = decode(s.value, data); err != nil {
		return fmt.Errorf("decode value of %d bytes as %T: %w", len(data), none, err)
	}
	s.noValue = s.values.Has(&s.headValue)
	return nil
}

func decode[T any](s serde.Serde[T], data []byte) (v T, err error) {
	defer catch(&err)
	return s.Decode(data)
}

var errNoEventTime = errors.New("the event time function gave the zero time")

// eventTime finds the record's time. A reason says that there is none, and err why.
func (s *typedSource[K, V]) eventTime(
	raw *record.Raw, partitionTime record.Time,
) (at record.Time, reason Reason, err error) {
	switch {
	case s.config.EventTime != nil:
		if s.noKey && !s.keys.Possible() {
			return 0, NullKey, nil
		}
		if s.noValue && !s.values.Possible() {
			return 0, NullValue, nil
		}
		t, err := s.callEventTime()
		if err != nil {
			return 0, Process, err
		}
		if t.IsZero() {
			return 0, NegativeTime, errNoEventTime
		}
		at = record.TimeOf(t)
	case s.config.Timestamp != nil:
		if at, err = s.callTimestamp(raw, partitionTime); err != nil {
			return 0, Process, err
		}
	default:
		at = raw.Time
	}
	if at < 0 {
		return 0, NegativeTime, fmt.Errorf("event time %d ms; Kafka's timestamp is %d", at, raw.Time)
	}
	return at, "", nil
}

func (s *typedSource[K, V]) callEventTime() (t time.Time, err error) {
	defer catch(&err)
	return s.config.EventTime(s.headKey, s.headValue), nil
}

func (s *typedSource[K, V]) callTimestamp(
	raw *record.Raw, partitionTime record.Time,
) (at record.Time, err error) {
	defer catch(&err)
	r := record.Make(s.headKey, s.noKey, s.headValue, s.noValue, raw.Time, raw.Headers)
	return s.config.Timestamp(r, partitionTime), nil
}
