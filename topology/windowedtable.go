package topology

import (
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// WindowedTable is a table by key and window. It is a type of its own because Go forbids a method
// to return a type that wraps one of its type arguments (an instantiation cycle): its stream's
// Map, SelectKey and GroupBy lead back to plain streams. Kafka: KTable<Windowed<K>, V>.
type WindowedTable[K, V any] struct {
	n     *node
	key   serde.Serde[K] // of the key in the window; nil: the type's
	value serde.Serde[V]
	store string
	keys  *windowKeys[K]

	unread bool // it keeps no rows of its own: there is no store to read
}

// ToStream is the table's updates; a window that is gone is a tombstone. Kafka: KTable.toStream.
func (t WindowedTable[K, V]) ToStream(opts ...StepOption) WindowedStream[K, V] {
	n := toStream[windowing.Key[K], V](t.n.step("ToStream", toStreamPrefix, opts))
	return WindowedStream[K, V]{n: n, key: t.key, value: t.value}
}

// Store is the handle of the table's windows, for queries, tests and processors, which may read them.
func (t WindowedTable[K, V]) Store() store.WindowRef[K, V] {
	t.n.mustBe("Store")
	if t.unread {
		t.n.fail(noStore, readBefore)
	}
	return store.WindowHandle[K, V](t.n.builder.owner, t.store)
}
