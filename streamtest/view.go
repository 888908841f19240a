package streamtest

import (
	"fmt"
	"iter"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// KeyValueView reads a key-value store, all partitions of it. It stays good after a Restart.
type KeyValueView[K, V any] struct {
	d    *Driver
	name string
}

// KeyValue is for reading a store. Kafka: TopologyTestDriver.getKeyValueStore.
func (d *Driver) KeyValue[K, V any](r store.KeyValueRef[K, V]) KeyValueView[K, V] {
	d.t.Helper()
	check[store.KeyValue[K, V]](d, r.Use().Name)
	return KeyValueView[K, V]{d, r.Use().Name}
}

// Get is the key's value.
func (v KeyValueView[K, V]) Get(key K) (value V, ok bool) {
	e, ok := v.Entry(key)
	return e.Value, ok
}

// Entry is the key's row with its time. Of a custom partitioner, which may put one key into
// several partitions, it is the first one's.
func (v KeyValueView[K, V]) Entry(key K) (e store.Entry[K, V], ok bool) {
	for s := range parts[store.KeyValue[K, V]](v.d, v.name) {
		if e, ok = s.Entry(key); ok {
			return e, true
		}
	}
	return e, false
}

// All is every row: by partition, then in the order of key bytes.
func (v KeyValueView[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e := range v.Entries() {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// Entries is All with times.
func (v KeyValueView[K, V]) Entries() iter.Seq[store.Entry[K, V]] {
	return concat(v.d, v.name, store.KeyValue[K, V].Entries)
}

// Scan is the rows of a range: by partition, then in the range's order.
func (v KeyValueView[K, V]) Scan(r store.Range[K]) iter.Seq2[K, V] {
	return concat2(v.d, v.name, func(s store.KeyValue[K, V]) iter.Seq2[K, V] { return s.Scan(r) })
}

// WindowView reads a window store, all partitions of it. It stays good after a Restart.
type WindowView[K, V any] struct {
	d    *Driver
	name string
}

// Window is for reading a window store. Kafka: TopologyTestDriver.getWindowStore.
func (d *Driver) Window[K, V any](r store.WindowRef[K, V]) WindowView[K, V] {
	d.t.Helper()
	check[store.Window[K, V]](d, r.Use().Name)
	return WindowView[K, V]{d, r.Use().Name}
}

// Get is the value of the key's window that starts then.
func (v WindowView[K, V]) Get(key K, start record.Time) (value V, ok bool) {
	e, ok := v.Entry(key, start)
	return e.Value, ok
}

// Entry is Get with the row's time.
func (v WindowView[K, V]) Entry(key K, start record.Time) (e store.Entry[windowing.Key[K], V], ok bool) {
	for s := range parts[store.Window[K, V]](v.d, v.name) {
		if e, ok = s.Entry(key, start); ok {
			return e, true
		}
	}
	return e, false
}

// Range is one key's windows that start in [from, to], by start.
func (v WindowView[K, V]) Range(key K, from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return concat2(v.d, v.name, func(s store.Window[K, V]) iter.Seq2[windowing.Key[K], V] {
		return s.Range(key, from, to)
	})
}

// All is every window that starts in [from, to]: by partition, then by start, then in the order of
// key bytes.
func (v WindowView[K, V]) All(from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return concat2(v.d, v.name, func(s store.Window[K, V]) iter.Seq2[windowing.Key[K], V] {
		return s.All(from, to)
	})
}

// Entries is All with times.
func (v WindowView[K, V]) Entries(from, to record.Time) iter.Seq[store.Entry[windowing.Key[K], V]] {
	return concat(v.d, v.name, func(s store.Window[K, V]) iter.Seq[store.Entry[windowing.Key[K], V]] {
		return s.Entries(from, to)
	})
}

// parts is the store of each task that has it.
func parts[S any](d *Driver, name string) iter.Seq[S] {
	return func(yield func(S) bool) {
		for _, t := range d.tasks {
			if s, ok := any(t.Store(name)).(S); ok && !yield(s) {
				return
			}
		}
	}
}

// check fails the test if the plan has no such store.
func check[S any](d *Driver, name string) {
	d.t.Helper()
	var kinds string
	for _, t := range d.tasks {
		s := t.Store(name)
		if _, ok := any(s).(S); ok {
			return
		}
		if s != nil {
			kinds = fmt.Sprintf("; its store of that name is a %T", s)
		}
	}
	d.t.Fatalf("streamtest: the handle of store %q is not this plan's%s", name, kinds)
}

func concat[S, E any](d *Driver, name string, scan func(S) iter.Seq[E]) iter.Seq[E] {
	return func(yield func(E) bool) {
		for s := range parts[S](d, name) {
			for e := range scan(s) {
				if !yield(e) {
					return
				}
			}
		}
	}
}

func concat2[S, K, V any](d *Driver, name string, scan func(S) iter.Seq2[K, V]) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for s := range parts[S](d, name) {
			for k, v := range scan(s) {
				if !yield(k, v) {
					return
				}
			}
		}
	}
}
