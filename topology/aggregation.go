package topology

import (
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// aggregation is an aggregating step while it is made: a stream of V by K into rows of A.
type aggregation[K, A any] struct {
	keeper[K, A]
	windows    windowing.Windows  // of a windowed one
	sessionsOf windowing.Sessions // of one in sessions
	onClose    bool
	counts     bool // it looks at no value
}

// aggregating makes the step and, if the key was changed, the repartition topic before it. The
// order of the names is Kafka Streams': store, step, topic. have is the serde of A where the
// stream brings it. Kafka Streams: GroupedStreamAggregateBuilder.
func aggregating[K, V, A any](
	g GroupedStream[K, V], verb, prefix string, s settings, have serde.Serde[A],
) *aggregation[K, A] {
	g.g.mustBe(verb)
	b := g.g.parent.builder
	name := b.storeNamed(s, prefix)
	n := b.call(verb, b.named(s, prefix))
	n.processor()
	a := &aggregation[K, A]{keeper: newKeeper(n, s, name, g.key, have)}
	a.keyFix = g.g.keyFix
	a.keep()
	b.add(n, a.partitioned(g.g, g.by))
	return a
}

// keyedBy binds a repartition topic of a grouped stream's types: step is what needs the topic.
type keyedBy[K any] func(r, step *node, key *wanted[K])

// by is the grouping's keyedBy.
func (g GroupedStream[K, V]) by(r, step *node, key *wanted[K]) {
	partitionedBy(r, key, want(step, g.value, "the value", valueFix), nil)
}

// partitioned is what the aggregation reads: the grouped stream, or the repartition topic before it
// if its key was changed. The topic is called after what the grouping or else the store is called;
// one with the grouping's name is made once, though its numbers are taken each time.
func (a *aggregation[K, A]) partitioned(g *grouping, bind keyedBy[K]) *node {
	if !g.rekeyed {
		return g.parent
	}
	r := a.n.builder.through(a.n, g.topicAfter(a.store.Name))
	if g.shared != nil {
		r = g.shared
	} else {
		a.bindTopic(r, g, bind)
	}
	a.n.builder.add(r, g.parent)
	return r
}

// topicAfter is what a repartition topic is called after.
func (g *grouping) topicAfter(store string) string {
	if g.named {
		return g.topic
	}
	return store
}

// bindTopic binds a repartition topic that was made for the grouping.
func (a *aggregation[K, A]) bindTopic(r *node, g *grouping, bind keyedBy[K]) {
	bind(r, a.n, a.key)
	r.movable = true
	if g.named {
		g.shared = r
	}
	a.n.requireName(g.named || a.settings.given[asOption], "repartition topic", r.repartition.Topic, groupFix)
}

// windowed makes the store one row per key and window.
func (a *aggregation[K, A]) windowed(w windowing.Windows, onClose bool) *aggregation[K, A] {
	a.windows, a.onClose = w, onClose
	a.store.Kind = plan.Window
	a.readable()
	a.store.WindowSize = w.Size()
	a.store.Retention, _ = w.Retention()
	if a.settings.given[retentionOption] {
		a.store.Retention = a.settings.retention
	}
	a.n.checkWindows(a.settings, w, onClose)
	a.store.Open = func(s *store.Space) store.State {
		key, value := a.storeSerdes()
		if w.AreSliding() {
			return store.OpenKeyedWindow(s, a.definition(), key, value)
		}
		return store.OpenWindow(s, a.definition(), key, value)
	}
	return a
}

// sessions makes the store one row per key and session.
func (a *aggregation[K, A]) sessions(w windowing.Sessions, onClose bool) *aggregation[K, A] {
	a.sessionsOf, a.onClose = w, onClose
	a.store.Kind = plan.Session
	a.readable()
	least, ok := w.Retention()
	a.store.Retention = least
	if a.settings.given[retentionOption] {
		a.store.Retention = a.settings.retention
	}
	a.n.checkClosing(a.settings, onClose)
	if w.Validate() == nil { // else it is reported by WindowedBySession
		a.n.checkRetention(a.settings, least, ok, fmt.Sprintf("the sessions' gap %v and grace %v", w.Gap(), w.GracePeriod()))
	}
	a.store.Open = func(s *store.Space) store.State {
		key, value := a.storeSerdes()
		return store.OpenSession(s, store.Definition{
			Name: a.store.Name, InMemory: a.store.InMemory, Retention: a.store.Retention, ByTime: onClose,
		}, key, value)
	}
	return a
}

// sessionRows is the opened store of a step that keeps a row per key and session.
func (a *aggregation[K, A]) sessionRows(c binding) *store.SessionStore[K, A] {
	return c.Store(a.store.Name).(*store.SessionStore[K, A])
}

func (a *aggregation[K, A]) sessionTable() SessionTable[K, A] {
	t := a.windowedTable()
	return SessionTable[K, A]{t}
}

func (a *aggregation[K, A]) definition() store.Definition {
	d := store.Definition{
		Name: a.store.Name, InMemory: a.store.InMemory,
		WindowSize: a.store.WindowSize, Retention: a.store.Retention, ByTime: a.onClose,
	}
	if a.onClose {
		// A record that closes a window may open one that starts a whole retention later, and
		// the closed one must still be read. Kafka Streams' time-ordered stores, which it uses
		// here, read as far.
		d.Retention += time.Millisecond
	}
	return d
}

// windowRows is the opened store of a step that keeps a row per key and window.
func (a *aggregation[K, A]) windowRows(c binding) *store.WindowStore[K, A] {
	rows := c.Store(a.store.Name).(*store.WindowStore[K, A])
	advance := record.Time(a.windows.Advance() / time.Millisecond)
	if a.windows.AreUnlimited() {
		start := a.windows.First(0)
		c.OnAhead(func(_ record.Time, keys [][]byte) { rows.Ahead(start, keys) })
		return rows
	}
	c.OnAhead(func(at record.Time, keys [][]byte) { rows.Ahead(at-at%advance, keys) })
	return rows
}

// slidingRows is the opened store of a step that keeps a row per key and sliding window.
func (a *aggregation[K, A]) slidingRows(c binding) *store.KeyedWindowStore[K, A] {
	return c.Store(a.store.Name).(*store.KeyedWindowStore[K, A])
}

func (a *aggregation[K, A]) windowChanges(c binding) processor.ChangeOut[windowing.Key[K], A] {
	out := processor.ChangeOut[windowing.Key[K], A]{Next: processor.FanOutChanges[windowing.Key[K], A](c.next)}
	switch {
	case a.onClose:
		out.OnClose = &processor.OnClose{Mark: c.Mark(a.store.Name)}
	case a.settings.given[cachedOption]:
		key := a.windowedTable().keys.serdeOf(a.key.serde)
		out.Cached = &processor.Cached[windowing.Key[K]]{Key: key, OnFlush: c.OnFlush}
	}
	return out
}

func (a *aggregation[K, A]) windowedTable() WindowedTable[K, A] {
	keys := &windowKeys[K]{serdeOf: a.windows.KeySerde[K], grace: a.windows.GracePeriod(), endless: a.windows.AreUnlimited()}
	if a.store.Kind == plan.Session {
		keys = &windowKeys[K]{serdeOf: a.sessionsOf.KeySerde[K], grace: a.sessionsOf.Gap() + a.sessionsOf.GracePeriod()}
	}
	return WindowedTable[K, A]{
		n: a.n, key: a.keySerde, value: a.valueSerde, store: a.store.Name, keys: keys,
	}
}
