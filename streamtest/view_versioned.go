package streamtest

import (
	"iter"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// VersionedView reads a versioned store, all partitions of it. It stays good after a Restart.
type VersionedView[K, V any] struct {
	d    *Driver
	name string
}

// Versioned is for reading a versioned store. Kafka: TopologyTestDriver.getVersionedKeyValueStore.
func (d *Driver) Versioned[K, V any](r store.VersionedRef[K, V]) VersionedView[K, V] {
	d.t.Helper()
	check[store.Versioned[K, V]](d, r.Use().Name)
	return VersionedView[K, V]{d, r.Use().Name}
}

// Get is the latest version, unless the key is deleted.
func (v VersionedView[K, V]) Get(key K) (of store.Version[V], ok bool) {
	return v.AsOf(key, store.EndOfTime)
}

// AsOf is the version that was valid at that time.
func (v VersionedView[K, V]) AsOf(key K, at record.Time) (of store.Version[V], ok bool) {
	for s := range parts[store.Versioned[K, V]](v.d, v.name) {
		if of, ok = s.AsOf(key, at); ok {
			return of, true
		}
	}
	return of, false
}

// History is a key's versions that were valid in [from, to], the oldest first.
func (v VersionedView[K, V]) History(key K, from, to record.Time) iter.Seq[store.Version[V]] {
	return concat(v.d, v.name, func(s store.Versioned[K, V]) iter.Seq[store.Version[V]] {
		return s.History(key, from, to)
	})
}

// All is the latest version of every key that is not deleted: by partition, then in the order of
// key bytes.
func (v VersionedView[K, V]) All() iter.Seq2[K, store.Version[V]] {
	return concat2(v.d, v.name, store.Versioned[K, V].All)
}
