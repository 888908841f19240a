package topology

import (
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/windowing"
)

// CogroupedSessions is several grouped streams about to become one table by key and session. Kafka:
// SessionWindowedCogroupedKStream.
type CogroupedSessions[K, A any] struct {
	cogrouped Cogrouped[K, A]
	sessions  windowing.Sessions
}

// WindowedBySession aggregates by key and session. Kafka: CogroupedKStream.windowedBy(SessionWindows).
func (c Cogrouped[K, A]) WindowedBySession(w windowing.Sessions) CogroupedSessions[K, A] {
	c.mustBe("WindowedBySession")
	c.parts[0].g.checkSessions(w)
	return CogroupedSessions[K, A]{cogrouped: c, sessions: w}
}

// sessionFunctions are what all streams of a cogroup in sessions share.
type sessionFunctions[K, A any] struct {
	zero  func() A
	merge func(k K, a, b A) A
}

// Aggregate folds the records of each key and session into an A: zero's answer to begin with, then what
// the function of a record's stream makes of it and the record; merge as in GroupedSessions.Aggregate.
// Each stream has its own stream time, by which its records are late. Kafka:
// SessionWindowedCogroupedKStream.aggregate.
func (c CogroupedSessions[K, A]) Aggregate(
	zero func() A, merge func(k K, a, b A) A, opts ...WindowStoreOption,
) SessionTable[K, A] {
	a := cogrouping(c.cogrouped, zero != nil && merge != nil, settingsOf(opts))
	a.sessions(c.sessions, false)
	for i, part := range c.cogrouped.parts {
		a.steps[i].binds(func(b binding) any {
			out := b.next[0].(processor.ChangeOut[windowing.Key[K], A])
			return part.sessions(b, &a.aggregation, sessionFunctions[K, A]{zero, merge}, out)
		})
	}
	a.n.binds(func(b binding) any { return a.windowChanges(b).Shared(b.step()) })
	return a.sessionTable()
}
