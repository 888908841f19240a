package topology

import (
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/windowing"
)

// GroupedSessions is a stream about to be aggregated by key and session. How results are emitted is said
// before: at every update, where a session that has become a part of another is a tombstone, or
// EmitOnClose. Kafka: SessionWindowedKStream.
type GroupedSessions[K, V any] struct {
	grouped  GroupedStream[K, V]
	sessions windowing.Sessions
	onClose  bool
}

// WindowedBySession aggregates by key and session. Kafka: KGroupedStream.windowedBy(SessionWindows).
func (g GroupedStream[K, V]) WindowedBySession(w windowing.Sessions) GroupedSessions[K, V] {
	g.g.mustBe("WindowedBySession")
	g.g.checkSessions(w)
	return GroupedSessions[K, V]{grouped: g, sessions: w}
}

// checkSessions reports sessions that cannot be.
func (g *grouping) checkSessions(w windowing.Sessions) {
	if err := w.Validate(); err != nil {
		g.parent.builder.call("WindowedBySession", g.parent.name).fail(err.Error(), "make other sessions")
	}
}

// EmitOnClose emits each session once, when stream time is beyond its end, the gap and the grace, under
// the rules of GroupedWindows.EmitOnClose.
func (g GroupedSessions[K, V]) EmitOnClose() GroupedSessions[K, V] {
	g.onClose = true
	return g
}

// Count counts the records of each key and session. Kafka: SessionWindowedKStream.count.
func (g GroupedSessions[K, V]) Count(opts ...WindowStoreOption) SessionTable[K, int64] {
	s := settingsOf(opts)
	g.grouped.g.countsNames("Count", s)
	a := aggregating[K, V, int64](g.grouped, "Count", aggregatePrefix, s, nil).sessions(g.sessions, g.onClose)
	a.counts = true
	return bindSessions(a, processor.FoldSessions(zeroCount, countOne[K, V], addCounts[K]))
}

// Reduce makes one value of the records of each key and session: the first as it is, then what f makes of
// the value a so far and the next one v, also of two sessions that have become one. A null result deletes
// the session. Kafka: SessionWindowedKStream.reduce.
func (g GroupedSessions[K, V]) Reduce(
	f func(k K, a, v V) V, opts ...WindowStoreOption,
) SessionTable[K, V] {
	s := settingsOf(opts)
	a := aggregating(g.grouped, "Reduce", reducePrefix, s, g.grouped.value).sessions(g.sessions, g.onClose)
	a.n.needs(f != nil)
	return bindSessions(a, processor.ReduceSessions(f))
}

// Aggregate folds the records of each key and session into an A: zero's answer to begin with, then what
// add makes of it and the next record. merge joins the aggregates of sessions that have become one, the
// earlier one first. It joins zero's answer with the first of them too, so merge(zero(), a) should be a. A
// null result deletes the session. Kafka: SessionWindowedKStream.aggregate.
func (g GroupedSessions[K, V]) Aggregate[A any](
	zero func() A, add func(K, V, A) A, merge func(k K, a, b A) A, opts ...WindowStoreOption,
) SessionTable[K, A] {
	s := settingsOf(opts)
	a := aggregating[K, V, A](g.grouped, "Aggregate", aggregatePrefix, s, nil).sessions(g.sessions, g.onClose)
	a.n.needs(zero != nil && add != nil && merge != nil)
	return bindSessions(a, processor.FoldSessions(zero, add, merge))
}

func addCounts[K any](_ K, a, b int64) int64 { return a + b }

// bindSessions binds an aggregation by key and session.
func bindSessions[K, V, A any](a *aggregation[K, A], how processor.Sessioned[K, V, A]) SessionTable[K, A] {
	a.n.binds(func(c binding) any { return foldSessions(c, a, how, a.windowChanges(c)) })
	return a.sessionTable()
}

func foldSessions[K, V, A any](
	c binding, a *aggregation[K, A], how processor.Sessioned[K, V, A], out processor.ChangeOut[windowing.Key[K], A],
) any {
	config := processor.SessionConfig{Sessions: a.sessionsOf, Counts: a.counts}
	return processor.AggregateSessions(c.step(), a.sessionRows(c), config, how, out)
}
