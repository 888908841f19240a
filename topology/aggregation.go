package topology

import (
	"fmt"
	"reflect"
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
	n        *node
	settings settings
	store    *plan.Store
	key      *wanted[K]
	value    *wanted[A]

	// What the table hands on: nil where the type's is to be found.
	keySerde   serde.Serde[K]
	valueSerde serde.Serde[A]

	windows windowing.Windows // of a windowed one
	onClose bool
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
	n.checkStore(s, name)

	a := &aggregation[K, A]{
		n:          n,
		settings:   s,
		keySerde:   g.key,
		key:        want(n, g.key, "the key", g.g.keyFix),
		valueSerde: storeSerde(n, s, have),
	}
	a.value = want(n, a.valueSerde, "the store's values", storeFix)
	a.store = &plan.Store{
		Name: name, Logged: !s.given[noChangelogOption], InMemory: s.given[inMemoryOption], TopicConfig: s.config,
	}
	n.keeps(a.store)

	parent := g.g.parent
	if g.g.rekeyed {
		parent = partitioned(g, n, s, a)
	}
	b.add(n, parent)
	return a
}

// partitioned is the repartition topic before an aggregation. It is called after what the grouping
// or else the store is called; one with the grouping's name is made once, though its numbers are
// taken each time.
func partitioned[K, V, A any](g GroupedStream[K, V], n *node, s settings, a *aggregation[K, A]) *node {
	b, name := n.builder, a.store.Name
	if g.g.named {
		name = g.g.topic
	}
	r := b.through(n, name)
	switch {
	case g.g.shared != nil:
		r = g.g.shared
	default:
		partitionedBy(r, a.key, want(n, g.value, "the value", valueFix))
		n.requireName(g.g.named || s.given[asOption], "repartition topic", r.repartition.Topic, groupFix)
	}
	if g.g.named {
		g.g.shared = r
	}
	b.add(r, g.g.parent)
	return r
}

// storeSerde is the serde given for the store's values, else the stream's.
func storeSerde[A any](n *node, s settings, have serde.Serde[A]) serde.Serde[A] {
	if !s.given[valueSerdeOption] {
		return have
	}
	of := reflect.TypeFor[A]()
	if s.valueSerde.none {
		n.fail("the option ValueSerde is nil", fmt.Sprintf("give it a serde of %v", of))
		return have
	}
	given, ok := s.valueSerde.serde.(serde.Serde[A])
	if !ok || s.valueSerde.of != of {
		n.fail(fmt.Sprintf("the option ValueSerde is for %v, the store's values are %v", s.valueSerde.of, of),
			fmt.Sprintf("give it a serde of %v", of))
		return have
	}
	return given
}

// keyed makes the store one row per key.
func (a *aggregation[K, A]) keyed() *aggregation[K, A] {
	a.store.Kind = plan.KeyValue
	a.store.Open = func(s *store.Space) store.State {
		key, value := a.storeSerdes()
		return store.OpenKeyValue(s, a.definition(), key, value)
	}
	return a
}

// windowed makes the store one row per key and window.
func (a *aggregation[K, A]) windowed(w windowing.Windows, onClose bool) *aggregation[K, A] {
	a.windows, a.onClose = w, onClose
	a.store.Kind = plan.Window
	a.store.WindowSize, a.store.Retention = w.Size(), w.Size()+w.GracePeriod()
	if a.settings.given[retentionOption] {
		a.store.Retention = a.settings.retention
	}
	a.n.checkWindows(a.settings, w, onClose)
	a.store.Open = func(s *store.Space) store.State {
		key, value := a.storeSerdes()
		return store.OpenWindow(s, a.definition(), key, value)
	}
	return a
}

func (a *aggregation[K, A]) definition() store.Definition {
	d := store.Definition{
		Name: a.store.Name, InMemory: a.store.InMemory,
		WindowSize: a.store.WindowSize, Retention: a.store.Retention,
	}
	if a.onClose {
		// A record that closes a window may open one that starts a whole retention later, and
		// the closed one must still be read. Kafka Streams' time-ordered stores, which it uses
		// here, read as far.
		d.Retention += time.Millisecond
	}
	return d
}

// storeSerdes are bound to the changelog's name, as in Kafka Streams, but without the application
// id: a plan does not know it, and a schema's subject should not change with it.
func (a *aggregation[K, A]) storeSerdes() (serde.Serde[K], serde.Serde[A]) {
	topic := a.store.Name + changelogSuffix
	return serde.Bind(a.key.serde, topic, serde.Key), serde.Bind(a.value.serde, topic, serde.Value)
}

// rows is the opened store of a step that keeps a row per key.
func (a *aggregation[K, A]) rows(c binding) *store.KeyValueStore[K, A] {
	rows := c.Store(a.store.Name).(*store.KeyValueStore[K, A])
	c.OnAhead(func(_ record.Time, keys [][]byte) { rows.Ahead(keys) })
	return rows
}

// windowRows is the opened store of a step that keeps a row per key and window.
func (a *aggregation[K, A]) windowRows(c binding) *store.WindowStore[K, A] {
	rows := c.Store(a.store.Name).(*store.WindowStore[K, A])
	advance := record.Time(a.windows.Advance() / time.Millisecond)
	c.OnAhead(func(at record.Time, keys [][]byte) { rows.Ahead(at-at%advance, keys) })
	return rows
}

func (a *aggregation[K, A]) changes(c binding) processor.ChangeOut[K, A] {
	out := processor.ChangeOut[K, A]{Next: processor.FanOutChanges[K, A](c.next)}
	if a.settings.given[cachedOption] {
		out.Cached = &processor.Cached[K]{Key: a.key.serde, OnFlush: c.OnFlush}
	}
	return out
}

func (a *aggregation[K, A]) windowChanges(c binding) processor.ChangeOut[windowing.Key[K], A] {
	out := processor.ChangeOut[windowing.Key[K], A]{Next: processor.FanOutChanges[windowing.Key[K], A](c.next)}
	switch {
	case a.onClose:
		out.OnClose = &processor.OnClose{Mark: c.Mark(a.store.Name)}
	case a.settings.given[cachedOption]:
		key := a.windows.KeySerde(a.key.serde)
		out.Cached = &processor.Cached[windowing.Key[K]]{Key: key, OnFlush: c.OnFlush}
	}
	return out
}

func (a *aggregation[K, A]) table() Table[K, A] {
	return Table[K, A]{n: a.n, key: a.keySerde, value: a.valueSerde, store: a.store.Name}
}

func (a *aggregation[K, A]) windowedTable() WindowedTable[K, A] {
	return WindowedTable[K, A]{
		n: a.n, windows: a.windows, key: a.keySerde, value: a.valueSerde, store: a.store.Name,
	}
}
