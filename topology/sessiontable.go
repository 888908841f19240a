package topology

import "github.com/pitwheel/pitwheel/store"

// SessionTable is a table by key and session: a WindowedTable but for its store. Kafka:
// KTable<Windowed<K>, V> of a SessionWindowedKStream.
type SessionTable[K, V any] struct{ WindowedTable[K, V] }

// Store is the handle of the table's sessions, for queries, tests and processors, which may read them.
func (t SessionTable[K, V]) Store() store.SessionRef[K, V] {
	t.n.mustBe("Store")
	return store.SessionHandle[K, V](t.n.builder.owner, t.store)
}
