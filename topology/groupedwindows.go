package topology

import (
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/windowing"
)

// GroupedWindows is a stream about to be aggregated by key and window. How results are emitted is
// said before: at every update, or EmitOnClose. Kafka: TimeWindowedKStream.
type GroupedWindows[K, V any] struct {
	grouped GroupedStream[K, V]
	windows windowing.Windows
	onClose bool
}

// EmitOnClose emits each window once, when stream time has passed its end and grace. As in Kafka
// Streams, a record whose time jumps further ahead than the retention makes the store forget the
// windows before they are emitted: where silences are long, Retention should be longer. Kafka:
// EmitStrategy.onWindowClose.
func (g GroupedWindows[K, V]) EmitOnClose() GroupedWindows[K, V] {
	g.onClose = true
	return g
}

// Count counts the records of each key and window. Kafka: TimeWindowedKStream.count.
func (g GroupedWindows[K, V]) Count(opts ...WindowStoreOption) WindowedTable[K, int64] {
	s := settingsOf(opts)
	g.grouped.g.countsNames("Count", s)
	a := aggregating[K, V, int64](g.grouped, "Count", aggregatePrefix, s, nil).windowed(g.windows, g.onClose)
	a.counts = true
	a.n.binds(func(c binding) any {
		return foldWindows(c, a, zeroCount, countOne[K, V], a.windowChanges(c))
	})
	return a.windowedTable()
}

// Reduce makes one value of the records of each key and window: the first as it is, then what f
// makes of the value a so far and the next one v. A null result deletes the window. Kafka:
// TimeWindowedKStream.reduce.
func (g GroupedWindows[K, V]) Reduce(
	f func(k K, a, v V) V, opts ...WindowStoreOption,
) WindowedTable[K, V] {
	s := settingsOf(opts)
	a := aggregating(g.grouped, "Reduce", reducePrefix, s, g.grouped.value).windowed(g.windows, g.onClose)
	a.n.needs(f != nil).binds(func(c binding) any {
		config := processor.WindowedConfig{Windows: g.windows}
		if g.windows.AreSliding() {
			return processor.ReduceSliding(c.step(), a.slidingRows(c), config, f, a.windowChanges(c))
		}
		return processor.ReduceWindowed(c.step(), a.windowRows(c), config, f, a.windowChanges(c))
	})
	return a.windowedTable()
}

// Aggregate folds the records of each key and window into an A: zero's answer to begin with, then
// what add makes of it and the next record. A null result deletes the window. Kafka:
// TimeWindowedKStream.aggregate.
func (g GroupedWindows[K, V]) Aggregate[A any](
	zero func() A, add func(K, V, A) A, opts ...WindowStoreOption,
) WindowedTable[K, A] {
	s := settingsOf(opts)
	a := aggregating[K, V, A](g.grouped, "Aggregate", aggregatePrefix, s, nil).windowed(g.windows, g.onClose)
	a.n.needs(zero != nil && add != nil).binds(func(c binding) any {
		return foldWindows(c, a, zero, add, a.windowChanges(c))
	})
	return a.windowedTable()
}

// foldWindows binds an aggregation by key and window.
func foldWindows[K, V, A any](
	c binding, a *aggregation[K, A], zero func() A, add func(K, V, A) A,
	out processor.ChangeOut[windowing.Key[K], A],
) any {
	config := processor.WindowedConfig{Windows: a.windows, Counts: a.counts}
	if a.windows.AreSliding() {
		return processor.AggregateSliding(c.step(), a.slidingRows(c), config, zero, add, out)
	}
	return processor.AggregateWindowed(c.step(), a.windowRows(c), config, zero, add, out)
}
