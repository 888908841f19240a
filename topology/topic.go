package topology

import (
	"reflect"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// Topic is a topic with what its bytes mean: a value that sources, sinks, the test driver and
// producers all take, so that name and serdes are said once. The zero Topic is an error of Build.
// Kafka: Consumed and Produced.
type Topic[K, V any] struct{ spec *topicSpec[K, V] }

// topicSpec is never changed once a Topic holds it; a With method copies it.
type topicSpec[K, V any] struct {
	name        string
	key         serde.Serde[K]
	value       serde.Serde[V]
	eventTime   func(K, V) time.Time
	timestamp   func(record.Record[K, V], record.Time) record.Time
	partitioner Partitioner[K, V]
}

// Partitioner chooses the partition of a record, in [0, partitions). The key and value are zero
// where they are null. Kafka: StreamPartitioner.
type Partitioner[K, V any] func(key K, value V, partitions int) int

// NewTopic is the topic of that name. What is wrong with it is an error of Build.
func NewTopic[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Topic[K, V] {
	return Topic[K, V]{&topicSpec[K, V]{name: name, key: key, value: value}}
}

// Topics lists topics of one type, for StreamOf.
func Topics[K, V any](topics ...Topic[K, V]) []Topic[K, V] { return topics }

// Name is the topic's name in Kafka.
func (t Topic[K, V]) Name() string { return t.or().name }

// KeySerde is what the keys' bytes mean.
func (t Topic[K, V]) KeySerde() serde.Serde[K] { return t.or().key }

// ValueSerde is what the values' bytes mean.
func (t Topic[K, V]) ValueSerde() serde.Serde[V] { return t.or().value }

// WithEventTime takes a record's event time from what it says, where the topic is read. A zero
// time goes to the error policy with reason negative_timestamp. The default is Kafka's timestamp.
func (t Topic[K, V]) WithEventTime(f func(key K, value V) time.Time) Topic[K, V] {
	spec := *t.or()
	spec.eventTime, spec.timestamp = f, nil
	return Topic[K, V]{&spec}
}

// WithTimestamp is the general form of WithEventTime: it sees headers, Kafka's timestamp (as the
// record's time) and the highest event time of the partition so far, -1 before the first. A
// negative result goes to the error policy. Kafka: TimestampExtractor.
func (t Topic[K, V]) WithTimestamp(
	f func(r record.Record[K, V], partitionTime record.Time) record.Time,
) Topic[K, V] {
	spec := *t.or()
	spec.timestamp, spec.eventTime = f, nil
	return Topic[K, V]{&spec}
}

// WithPartitioner chooses the partition where the topic is written. The default is Kafka's:
// murmur2 of the key's bytes, which windowed keys take of their inner key.
func (t Topic[K, V]) WithPartitioner(p Partitioner[K, V]) Topic[K, V] {
	spec := *t.or()
	spec.partitioner = p
	return Topic[K, V]{&spec}
}

// Partitioner is what WithPartitioner set; nil: Kafka's default.
func (t Topic[K, V]) Partitioner() Partitioner[K, V] { return t.or().partitioner }

func (t Topic[K, V]) or() *topicSpec[K, V] {
	if t.spec == nil {
		return &topicSpec[K, V]{}
	}
	return t.spec
}

// reading is how the topic is read.
func (t *topicSpec[K, V]) reading() processor.SourceConfig[K, V] {
	return processor.SourceConfig[K, V]{
		Key: t.key, Value: t.value, EventTime: t.eventTime, Timestamp: t.timestamp,
	}
}

// sameReading says whether both topics are read alike. Functions and serdes that hold functions
// cannot be compared: they are the same where one Topic value is used for both.
func (t *topicSpec[K, V]) sameReading(o *topicSpec[K, V]) bool {
	if t == o {
		return true
	}
	plain := t.eventTime == nil && o.eventTime == nil && t.timestamp == nil && o.timestamp == nil
	return plain && equal(t.key, o.key) && equal(t.value, o.value)
}

// equal is a == b without the panic for types that cannot be compared.
func equal(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
