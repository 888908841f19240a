package topology

import (
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/windowing"
)

// Filter is the windows that keep answers true to; an update to another value is a deletion. It keeps no
// rows of its own. Kafka: KTable.filter.
func (t WindowedTable[K, V]) Filter(
	keep func(windowing.Key[K], V) bool, opts ...StepOption,
) WindowedTable[K, V] {
	return t.filtered("Filter", keep, processor.FilterTable[windowing.Key[K], V], opts)
}

// FilterNot is the windows that drop answers false to; an update to another value is a deletion. It keeps
// no rows of its own. Kafka: KTable.filterNot.
func (t WindowedTable[K, V]) FilterNot(
	drop func(windowing.Key[K], V) bool, opts ...StepOption,
) WindowedTable[K, V] {
	return t.filtered("FilterNot", drop, processor.FilterNotTable[windowing.Key[K], V], opts)
}

func (t WindowedTable[K, V]) filtered(
	verb string, test func(windowing.Key[K], V) bool, operator tableFilter[windowing.Key[K], V], opts []StepOption,
) WindowedTable[K, V] {
	parent := t.n
	n := parent.step(verb, tableFilterPrefix, opts)
	old := parent.enableOld(false)
	n.askOld = func(force bool) bool {
		old = parent.enableOld(force) || old
		return old
	}
	n.needs(test != nil).binds(func(c binding) any {
		out := processor.ChangeOut[windowing.Key[K], V]{Next: processor.FanOutChanges[windowing.Key[K], V](c.next)}
		return operator(c.step(), test, nil, old, out)
	})
	return t.behind(n)
}

// MapValues makes another value of each window; a null one is a deletion. It keeps no rows of its own.
// Kafka: KTable.mapValues.
func (t WindowedTable[K, V]) MapValues[V2 any](
	f func(windowing.Key[K], V) V2, opts ...StepOption,
) WindowedTable[K, V2] {
	parent := t.n
	n := parent.step("MapValues", tableMapPrefix, opts)
	old := false
	n.askOld = func(force bool) bool {
		old = parent.enableOld(force) || old
		return old
	}
	n.needs(f != nil).binds(func(c binding) any {
		return processor.MapTableValues(c.step(), f, old, processor.FanOutChanges[windowing.Key[K], V2](c.next))
	})
	return WindowedTable[K, V2]{n: n, key: t.key, value: carried[V2](t.value), store: t.store, keys: t.keys, unread: true}
}

// behind is the table behind a step that keeps no rows.
func (t WindowedTable[K, V]) behind(n *node) WindowedTable[K, V] {
	t.n, t.unread = n, true
	return t
}
