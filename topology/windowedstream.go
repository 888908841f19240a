package topology

import (
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// WindowedStream is the updates of a WindowedTable. Kafka: KStream<Windowed<K>, V>.
type WindowedStream[K, V any] struct {
	n     *node
	key   serde.Serde[K] // of the key in the window; nil: the type's
	value serde.Serde[V]
}

// Filter hands on the records that keep answers true to. Kafka: KStream.filter.
func (s WindowedStream[K, V]) Filter(
	keep func(windowing.Key[K], V) bool, opts ...StepOption,
) WindowedStream[K, V] {
	s.n = filter(s.n.step("Filter", filterPrefix, opts), keep)
	return s
}

// FilterNot hands on the records that drop answers false to. Kafka: KStream.filterNot.
func (s WindowedStream[K, V]) FilterNot(
	drop func(windowing.Key[K], V) bool, opts ...StepOption,
) WindowedStream[K, V] {
	s.n = filterNot(s.n.step("FilterNot", filterPrefix, opts), drop)
	return s
}

// MapValues makes another value of each record. Kafka: KStream.mapValues.
func (s WindowedStream[K, V]) MapValues[V2 any](
	f func(windowing.Key[K], V) V2, opts ...StepOption,
) WindowedStream[K, V2] {
	n := mapValues(s.n.step("MapValues", mapValuesPrefix, opts), f)
	return WindowedStream[K, V2]{n: n, key: s.key, value: carried[V2](s.value)}
}

// SelectKey makes a plain key of each record's key and window. Kafka: KStream.selectKey.
func (s WindowedStream[K, V]) SelectKey[K2 any](
	f func(windowing.Key[K], V) K2, opts ...StepOption,
) Stream[K2, V] {
	n := selectKey(s.n.step("SelectKey", keySelectPrefix, opts), f)
	return Stream[K2, V]{n: n, value: s.value, rekeyed: true}
}

// Map makes a plain key and another value of each record. Kafka: KStream.map.
func (s WindowedStream[K, V]) Map[K2, V2 any](
	f func(windowing.Key[K], V) (K2, V2), opts ...StepOption,
) Stream[K2, V2] {
	n := mapRecords(s.n.step("Map", mapPrefix, opts), f)
	return Stream[K2, V2]{n: n, value: carried[V2](s.value), rekeyed: true}
}

// FlatMap makes any number of records with plain keys of each: f calls emit for each one, and not
// after it has returned. Kafka: KStream.flatMap.
func (s WindowedStream[K, V]) FlatMap[K2, V2 any](
	f func(k windowing.Key[K], v V, emit func(K2, V2)), opts ...StepOption,
) Stream[K2, V2] {
	n := flatMap(s.n.step("FlatMap", flatMapPrefix, opts), f)
	return Stream[K2, V2]{n: n, value: carried[V2](s.value), rekeyed: true}
}

// Peek calls f with each record and hands it on as it is. Kafka: KStream.peek.
func (s WindowedStream[K, V]) Peek(
	f func(windowing.Key[K], V), opts ...StepOption,
) WindowedStream[K, V] {
	s.n = peek(s.n.step("Peek", peekPrefix, opts), f)
	return s
}

// ForEach calls f with each record, which ends here. Kafka: KStream.foreach.
func (s WindowedStream[K, V]) ForEach(f func(windowing.Key[K], V), opts ...StepOption) {
	forEach(s.n.step("ForEach", forEachPrefix, opts), f)
}

// Merge is the records of both streams, without order among them. Kafka: KStream.merge.
func (s WindowedStream[K, V]) Merge(
	other WindowedStream[K, V], opts ...StepOption,
) WindowedStream[K, V] {
	s.n = merge[windowing.Key[K], V](s.n, other.n, opts)
	return s
}

// To writes windowed keys as Kafka Streams does: the topic's key serde is the windows' KeySerde.
// All windows of a key go to its partition. Kafka: KStream.to.
func (s WindowedStream[K, V]) To(t Topic[windowing.Key[K], V], opts ...StepOption) {
	to(s.n, t, opts)
}

// GroupBy groups the records by the plain key that f makes, behind a repartition topic. Name
// names the step and that topic. Kafka: KStream.groupBy.
func (s WindowedStream[K, V]) GroupBy[K2 any](
	f func(windowing.Key[K], V) K2, opts ...StepOption,
) GroupedStream[K2, V] {
	n := selectKey(s.n.step("GroupBy", keySelectPrefix, opts), f)
	return GroupedStream[K2, V]{g: groupedBy(n, opts), value: s.value}
}
