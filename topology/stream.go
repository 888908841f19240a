package topology

import (
	"github.com/pitwheel/pitwheel/serde"
)

// Stream is a stream of facts. Steps that keep the key keep its partition; behind the others, what
// groups repartitions. Kafka: KStream.
type Stream[K, V any] struct {
	n       *node
	key     serde.Serde[K] // nil: the type's, found by Build where bytes are needed
	value   serde.Serde[V]
	rekeyed bool // the key was changed since the last partitioning by key
}

// Filter hands on the records that keep answers true to. Kafka: KStream.filter.
func (s Stream[K, V]) Filter(keep func(K, V) bool, opts ...StepOption) Stream[K, V] {
	s.n = filter(s.n.step("Filter", filterPrefix, opts), keep)
	return s
}

// FilterNot hands on the records that drop answers false to. Kafka: KStream.filterNot.
func (s Stream[K, V]) FilterNot(drop func(K, V) bool, opts ...StepOption) Stream[K, V] {
	s.n = filterNot(s.n.step("FilterNot", filterPrefix, opts), drop)
	return s
}

// SelectKey makes another key of each record. Kafka: KStream.selectKey.
func (s Stream[K, V]) SelectKey[K2 any](f func(K, V) K2, opts ...StepOption) Stream[K2, V] {
	n := selectKey(s.n.step("SelectKey", keySelectPrefix, opts), f)
	return Stream[K2, V]{n: n, key: carried[K2](s.key), value: s.value, rekeyed: true}
}

// Map makes another key and value of each record. Where the key stays, MapValues is better: it
// keeps the partition. Kafka: KStream.map.
func (s Stream[K, V]) Map[K2, V2 any](f func(K, V) (K2, V2), opts ...StepOption) Stream[K2, V2] {
	n := mapRecords(s.n.step("Map", mapPrefix, opts), f)
	return Stream[K2, V2]{n: n, key: carried[K2](s.key), value: carried[V2](s.value), rekeyed: true}
}

// MapValues makes another value of each record. Kafka: KStream.mapValues.
func (s Stream[K, V]) MapValues[V2 any](f func(K, V) V2, opts ...StepOption) Stream[K, V2] {
	n := mapValues(s.n.step("MapValues", mapValuesPrefix, opts), f)
	return Stream[K, V2]{n: n, key: s.key, value: carried[V2](s.value), rekeyed: s.rekeyed}
}

// FlatMap makes any number of records of each: f calls emit for each one, and not after it has
// returned. Kafka: KStream.flatMap.
func (s Stream[K, V]) FlatMap[K2, V2 any](
	f func(k K, v V, emit func(K2, V2)), opts ...StepOption,
) Stream[K2, V2] {
	n := flatMap(s.n.step("FlatMap", flatMapPrefix, opts), f)
	return Stream[K2, V2]{n: n, key: carried[K2](s.key), value: carried[V2](s.value), rekeyed: true}
}

// FlatMapValues makes any number of records of each, under its key. Kafka: KStream.flatMapValues.
func (s Stream[K, V]) FlatMapValues[V2 any](
	f func(k K, v V, emit func(V2)), opts ...StepOption,
) Stream[K, V2] {
	n := flatMapValues(s.n.step("FlatMapValues", flatMapValuesPrefix, opts), f)
	return Stream[K, V2]{n: n, key: s.key, value: carried[V2](s.value), rekeyed: s.rekeyed}
}

// Peek calls f with each record and hands it on as it is. Kafka: KStream.peek.
func (s Stream[K, V]) Peek(f func(K, V), opts ...StepOption) Stream[K, V] {
	s.n = peek(s.n.step("Peek", peekPrefix, opts), f)
	return s
}

// ForEach calls f with each record, which ends here. Kafka: KStream.foreach.
func (s Stream[K, V]) ForEach(f func(K, V), opts ...StepOption) {
	forEach(s.n.step("ForEach", forEachPrefix, opts), f)
}

// Merge is the records of both streams, without order among them. Bytes are written with this
// stream's serdes from here on. Kafka: KStream.merge.
func (s Stream[K, V]) Merge(other Stream[K, V], opts ...StepOption) Stream[K, V] {
	s.n = merge[K, V](s.n, other.n, opts)
	s.rekeyed = s.rekeyed || other.rekeyed
	if s.key == nil {
		s.key = other.key
	}
	if s.value == nil {
		s.value = other.value
	}
	return s
}

// Split sends each record to the first of its branches that wants it. Kafka: KStream.split.
func (s Stream[K, V]) Split(opts ...StepOption) Split[K, V] {
	return split(s, s.n.step("Split", branchPrefix, opts))
}

// To writes the stream to a topic, with the topic's serdes. Kafka: KStream.to.
func (s Stream[K, V]) To(t Topic[K, V], opts ...StepOption) {
	to(s.n, t, opts)
}

// ToDynamic writes each record to the topic that name gives for it, in all else like t, whose own
// name counts for nothing. The topics must exist. Kafka: KStream.to(TopicNameExtractor).
func (s Stream[K, V]) ToDynamic(t Topic[K, V], name func(K, V) string, opts ...StepOption) {
	toDynamic(s.n, t, name, opts)
}

// Repartition writes the stream to an internal topic and reads it back, so that it is partitioned
// by its key. Name names the topic. Kafka: KStream.repartition.
func (s Stream[K, V]) Repartition(opts ...RepartitionOption) Stream[K, V] {
	return repartition(s, "Repartition", nil, opts)
}

// RepartitionBy is Repartition where p chooses the partition. What groups or joins behind it sees
// the records that p put together: p must give all records of a key the same partition. Kafka:
// Repartitioned.withStreamPartitioner.
func (s Stream[K, V]) RepartitionBy(p Partitioner[K, V], opts ...RepartitionOption) Stream[K, V] {
	const verb = "RepartitionBy"
	r := repartition(s, verb, p, opts)
	r.n.needs(p != nil)
	return r
}

// WithKeySerde says how keys are written from here on, where a step needs their bytes. It adds no
// step.
func (s Stream[K, V]) WithKeySerde(key serde.Serde[K]) Stream[K, V] {
	s.n.mustBe("WithKeySerde")
	if key == nil {
		s.n.builder.call("WithKeySerde", s.n.name).fail("the serde is nil", "give one")
	}
	s.key = key
	return s
}

// WithValueSerde says how values are written from here on, where a step needs their bytes. It adds
// no step.
func (s Stream[K, V]) WithValueSerde(value serde.Serde[V]) Stream[K, V] {
	s.n.mustBe("WithValueSerde")
	if value == nil {
		s.n.builder.call("WithValueSerde", s.n.name).fail("the serde is nil", "give one")
	}
	s.value = value
	return s
}

// GroupByKey groups the records by their key, behind a repartition topic if the key was changed.
// Name names that topic. Kafka: KStream.groupByKey.
func (s Stream[K, V]) GroupByKey(opts ...StepOption) GroupedStream[K, V] {
	return GroupedStream[K, V]{g: groupedByKey(s.n, s.rekeyed, opts), key: s.key, value: s.value}
}

// GroupBy groups the records by the key that f makes, behind a repartition topic. Name names the
// step and that topic. Kafka: KStream.groupBy.
func (s Stream[K, V]) GroupBy[K2 any](f func(K, V) K2, opts ...StepOption) GroupedStream[K2, V] {
	n := selectKey(s.n.step("GroupBy", keySelectPrefix, opts), f)
	return GroupedStream[K2, V]{g: groupedBy(n, opts), key: carried[K2](s.key), value: s.value}
}
