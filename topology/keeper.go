package topology

import (
	"fmt"
	"reflect"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

// keyValueRows is the store of a table's rows; nil: none are kept.
type keyValueRows[K, A any] = *store.KeyValueStore[K, A]

// keeper is a step that makes a table of A by K while it is made: it keeps the rows in a store, or
// would if something needed that.
type keeper[K, A any] struct {
	n        *node
	settings settings
	store    *plan.Store
	kept     bool
	holders  []*node // the steps that use the store; nil: n

	// What the table hands on: nil where the type's is to be found.
	keySerde   serde.Serde[K]
	valueSerde serde.Serde[A]
	keyFix     string // what to do where there is no serde for the key

	// What the store is written with, once it is kept.
	key   *wanted[K]
	value *wanted[A]
}

// newKeeper is for a store of that name. have is the serde of A where the stream brings it.
func newKeeper[K, A any](
	n *node, s settings, name string, key serde.Serde[K], have serde.Serde[A],
) keeper[K, A] {
	n.checkStore(s, name)
	return keeper[K, A]{
		n: n, settings: s, keySerde: key, keyFix: keyFix,
		valueSerde: storeSerde(n, s, have),
		store: &plan.Store{
			Name: name, Logged: !s.given[noChangelogOption], InMemory: s.given[inMemoryOption], TopicConfig: s.config,
		},
	}
}

// keep has the rows kept. Once the topology is built it is too late.
func (k *keeper[K, A]) keep() {
	if k.kept || k.n.builder.built {
		return
	}
	k.kept = true
	k.n.requireName(k.settings.given[asOption], "store", k.store.Name, "add topology.As")
	k.key = want(k.n, k.keySerde, "the key", k.keyFix)
	k.value = want(k.n, k.valueSerde, "the store's values", storeFix)
	holders := k.holders
	if holders == nil {
		holders = []*node{k.n}
	}
	holders[0].keeps(k.store)
	for _, n := range holders[1:] {
		n.uses(k.store)
	}
}

// keyed makes the store one row per key.
func (k *keeper[K, A]) keyed() {
	k.store.Kind = plan.KeyValue
	k.readable()
	k.store.Open = func(s *store.Space) store.State {
		key, value := k.storeSerdes()
		return store.OpenKeyValue(s, store.Definition{Name: k.store.Name, InMemory: k.store.InMemory}, key, value)
	}
}

// readable is for queries: a table's row has the key of its records.
func (k *keeper[K, A]) readable() {
	k.store.ByKey = true
	k.store.Serdes = func() store.Serdes[K, A] {
		key, value := k.storeSerdes()
		return store.Serdes[K, A]{Key: key, Value: value}
	}
}

// storeSerdes are bound to the changelog's name, as in Kafka Streams, but without the application
// id: a plan does not know it, and a schema's subject should not change with it.
func (k *keeper[K, A]) storeSerdes() (serde.Serde[K], serde.Serde[A]) {
	topic := k.store.Name + changelogSuffix
	return serde.Bind(k.key.serde, topic, serde.Key), serde.Bind(k.value.serde, topic, serde.Value)
}

// rows is the opened store of a step that keeps a row per key; nil: none is kept.
func (k *keeper[K, A]) rows(c binding) keyValueRows[K, A] {
	if !k.kept {
		return nil
	}
	rows := c.Store(k.store.Name).(keyValueRows[K, A])
	c.OnAhead(func(_ record.Time, keys [][]byte) { rows.Ahead(keys) })
	return rows
}

// changes is where the table's updates go.
func (k *keeper[K, A]) changes(c binding) processor.ChangeOut[K, A] {
	out := processor.ChangeOut[K, A]{Next: processor.FanOutChanges[K, A](c.next)}
	if k.settings.given[cachedOption] {
		out.Cached = &processor.Cached[K]{Key: k.key.serde, OnFlush: c.OnFlush}
	}
	return out
}

func (k *keeper[K, A]) table() Table[K, A] {
	return Table[K, A]{n: k.n, key: k.keySerde, value: k.valueSerde, store: k.store.Name, keep: k.keep}
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
