package streamtest

import (
	"iter"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// SessionView reads a session store, all partitions of it. It stays good after a Restart.
type SessionView[K, V any] struct {
	d    *Driver
	name string
}

// Session is for reading a session store. Kafka: TopologyTestDriver.getSessionStore.
func (d *Driver) Session[K, V any](r store.SessionRef[K, V]) SessionView[K, V] {
	d.t.Helper()
	check[store.Session[K, V]](d, r.Use().Name)
	return SessionView[K, V]{d, r.Use().Name}
}

// Get is the session's value.
func (v SessionView[K, V]) Get(session windowing.Key[K]) (value V, ok bool) {
	e, ok := v.Entry(session)
	return e.Value, ok
}

// Entry is Get with the row's time.
func (v SessionView[K, V]) Entry(session windowing.Key[K]) (e store.Entry[windowing.Key[K], V], ok bool) {
	for s := range parts[store.Session[K, V]](v.d, v.name) {
		if e, ok = s.Entry(session); ok {
			return e, true
		}
	}
	return e, false
}

// Range is one key's sessions that have a time in common with [from, to], by end, then start.
func (v SessionView[K, V]) Range(key K, from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return concat2(v.d, v.name, func(s store.Session[K, V]) iter.Seq2[windowing.Key[K], V] {
		return s.Range(key, from, to)
	})
}

// All is every session that has a time in common with [from, to]: by partition, each key's by end, then
// start.
func (v SessionView[K, V]) All(from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return concat2(v.d, v.name, func(s store.Session[K, V]) iter.Seq2[windowing.Key[K], V] {
		return s.All(from, to)
	})
}

// Entries is All with times.
func (v SessionView[K, V]) Entries(from, to record.Time) iter.Seq[store.Entry[windowing.Key[K], V]] {
	return concat(v.d, v.name, func(s store.Session[K, V]) iter.Seq[store.Entry[windowing.Key[K], V]] {
		return s.Entries(from, to)
	})
}
