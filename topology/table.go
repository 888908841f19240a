package topology

import (
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

// Table is a changelog read as the latest value per key. It is kept in a store where its step takes
// an option of a store other than Name and ValueSerde, where Store is called, or where a step behind
// it needs the rows. Kafka: KTable.
type Table[K, V any] struct {
	n     *node
	key   serde.Serde[K] // nil: the type's
	value serde.Serde[V]
	store string
	keep  func() // has the rows kept in the store
}

// ToStream is the table's updates; a row that is gone is a tombstone. Kafka: KTable.toStream.
func (t Table[K, V]) ToStream(opts ...StepOption) Stream[K, V] {
	n := toStream[K, V](t.n.step("ToStream", toStreamPrefix, opts))
	return Stream[K, V]{n: n, key: t.key, value: t.value}
}

// Store is the handle of the table's store, for queries, tests and processors, which may read it. Asking for it before Build has
// the table kept in one, if nothing else has.
func (t Table[K, V]) Store() store.KeyValueRef[K, V] {
	t.n.mustBe("Store")
	t.keep()
	return store.KeyValueHandle[K, V](t.n.builder.owner, t.store)
}
