package topology

import (
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

// Table is a changelog read as the latest value per key, kept in a store. Kafka: KTable.
type Table[K, V any] struct {
	n     *node
	key   serde.Serde[K] // nil: the type's
	value serde.Serde[V]
	store string
}

// ToStream is the table's updates; a row that is gone is a tombstone. Kafka: KTable.toStream.
func (t Table[K, V]) ToStream(opts ...StepOption) Stream[K, V] {
	n := toStream[K, V](t.n.step("ToStream", toStreamPrefix, opts))
	return Stream[K, V]{n: n, key: t.key, value: t.value}
}

// Store is the handle of the table's store, for queries and tests.
func (t Table[K, V]) Store() store.KeyValueRef[K, V] {
	t.n.mustBe("Store")
	return store.KeyValueHandle[K, V](t.store)
}
