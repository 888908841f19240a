package topology

import (
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// GroupedStream is a stream about to be aggregated by key. A function that aggregates may change
// its aggregate in place. Kafka: KGroupedStream.
type GroupedStream[K, V any] struct {
	g     *grouping
	key   serde.Serde[K] // nil: the type's
	value serde.Serde[V]
}

// grouping is what the aggregations of one GroupedStream share.
type grouping struct {
	parent  *node
	rekeyed bool   // a repartition topic stands before each aggregation
	topic   string // its given name
	named   bool
	shared  *node  // a topic with a given name is made once
	keyFix  string // what to do where there is no serde for the key
}

// groupedByKey is the grouping of a stream as it is.
func groupedByKey(parent *node, rekeyed bool, opts []StepOption) *grouping {
	parent.mustBe("GroupByKey")
	s := settingsOf(opts)
	n := parent.builder.call("GroupByKey", parent.name)
	n.check(s)
	n.checkTopicName(s)
	return &grouping{
		parent: parent, topic: s.name, named: s.given[nameOption], rekeyed: rekeyed, keyFix: keyFix,
	}
}

// groupedBy is the grouping behind the step that made the new key.
func groupedBy(n *node, opts []StepOption) *grouping {
	s := settingsOf(opts)
	n.checkTopicName(s)
	return &grouping{
		parent: n, topic: s.name, named: s.given[nameOption], rekeyed: true, keyFix: newKeyFix,
	}
}

// Count counts the records of each key. Null keys and values are not counted. Kafka:
// KGroupedStream.count.
func (g GroupedStream[K, V]) Count(opts ...StoreOption) Table[K, int64] {
	s := settingsOf(opts)
	g.g.countsNames("Count", s)
	a := aggregating[K, V, int64](g, "Count", aggregatePrefix, s, nil)
	a.keyed()
	a.n.binds(func(c binding) any {
		return processor.Aggregate(c.step(), a.rows(c), zeroCount, countOne[K, V], a.changes(c))
	})
	return a.table()
}

// Reduce makes one value of the records of each key: the first as it is, then what f makes of the
// value a so far and the next one v. A null result deletes the row. Kafka: KGroupedStream.reduce.
func (g GroupedStream[K, V]) Reduce(f func(k K, a, v V) V, opts ...StoreOption) Table[K, V] {
	a := aggregating(g, "Reduce", reducePrefix, settingsOf(opts), g.value)
	a.keyed()
	a.n.needs(f != nil).binds(func(c binding) any {
		return processor.Reduce(c.step(), a.rows(c), f, a.changes(c))
	})
	return a.table()
}

// Aggregate folds the records of each key into an A: zero's answer to begin with, then what add
// makes of it and the next record. A null result deletes the row. Kafka: KGroupedStream.aggregate.
func (g GroupedStream[K, V]) Aggregate[A any](
	zero func() A, add func(K, V, A) A, opts ...StoreOption,
) Table[K, A] {
	a := aggregating[K, V, A](g, "Aggregate", aggregatePrefix, settingsOf(opts), nil)
	a.keyed()
	a.n.needs(zero != nil && add != nil).binds(func(c binding) any {
		return processor.Aggregate(c.step(), a.rows(c), zero, add, a.changes(c))
	})
	return a.table()
}

// WindowedBy aggregates by key and window. Kafka: KGroupedStream.windowedBy.
func (g GroupedStream[K, V]) WindowedBy(w windowing.Windows) GroupedWindows[K, V] {
	g.g.mustBe("WindowedBy")
	g.g.checkWindows(w)
	return GroupedWindows[K, V]{grouped: g, windows: w}
}

// checkWindows reports windows that cannot be.
func (g *grouping) checkWindows(w windowing.Windows) {
	if err := w.Validate(); err != nil {
		g.parent.builder.call("WindowedBy", g.parent.name).fail(err.Error(), "make other windows")
	}
}

func zeroCount() int64 { return 0 }

func countOne[K, V any](_ K, _ V, n int64) int64 { return n + 1 }

// countsNames takes the number of a store's name that Kafka Streams takes for a count whose
// Materialized names no store, and never uses.
func (g *grouping) countsNames(verb string, s settings) {
	g.mustBe(verb)
	if s.materialized() && !s.given[asOption] {
		g.parent.builder.generate(aggregatePrefix + storeInfix)
	}
}

func (g *grouping) mustBe(verb string) {
	if g == nil {
		(*node)(nil).mustBe(verb)
	}
}
