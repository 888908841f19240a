package store

import (
	"bytes"
	"iter"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// WindowStore is a typed window store over the cache. It implements Window. Kafka Streams:
// TimestampedWindowStore.
type WindowStore[K, V any] struct {
	keys[K]
	rows rows[V]
	null record.Nulls[V]
	size time.Duration
}

var _ Window[string, int64] = (*WindowStore[string, int64])(nil)

// OpenWindow opens a store in a space, or makes it. What goes wrong is the space's Err.
func OpenWindow[K, V any](s *Space, d Definition, key serde.Serde[K], value serde.Serde[V]) *WindowStore[K, V] {
	return &WindowStore[K, V]{
		keys: newKeys(s, d.Name, key),
		rows: openRows(s, d, byStart, value),
		null: record.NullsOf[V](),
		size: d.WindowSize,
	}
}

// Find reads the row; Set or Remove may follow, for the same key and start, before any other call
// of the space's stores.
func (s *WindowStore[K, V]) Find(key K, start record.Time) (v V, at record.Time, ok bool) {
	b, ok := s.encode(key)
	if !ok {
		s.rows.lose()
		return v, 0, false
	}
	return s.rows.find(start, b)
}

// Set writes the row of the last Find. A null v removes it. Nothing is written, and Expired counts
// it, if the window has expired.
func (s *WindowStore[K, V]) Set(v V, at record.Time) {
	if s.null.Has(&v) {
		s.rows.remove(at)
		return
	}
	s.rows.set(v, at)
}

// Remove removes the row of the last Find, under the rules of Set.
func (s *WindowStore[K, V]) Remove(at record.Time) { s.rows.remove(at) }

// Expired is how many writes were dropped because their window was not within the retention, or
// started before the epoch. Kafka Streams: expired-window-record-drop.
func (s *WindowStore[K, V]) Expired() int64 { return s.rows.droppedWrites() }

// Get reads the row.
func (s *WindowStore[K, V]) Get(key K, start record.Time) (value V, ok bool) {
	value, _, ok = s.Find(key, start)
	return value, ok
}

// Entry reads the row with its time.
func (s *WindowStore[K, V]) Entry(key K, start record.Time) (e Entry[windowing.Key[K], V], ok bool) {
	e.Value, e.Time, ok = s.Find(key, start)
	e.Key = s.windowed(key, start)
	return e, ok
}

// Put writes the row with the current record's time. A null value deletes it, as in Kafka Streams.
func (s *WindowStore[K, V]) Put(key K, start record.Time, value V) {
	s.PutAt(key, start, value, s.space.now)
}

// PutAt is Put with a time of its own.
func (s *WindowStore[K, V]) PutAt(key K, start record.Time, value V, at record.Time) {
	s.aim(key, start)
	s.Set(value, at)
}

// Delete deletes the row.
func (s *WindowStore[K, V]) Delete(key K, start record.Time) {
	s.aim(key, start)
	s.rows.remove(s.space.now)
}

func (s *WindowStore[K, V]) aim(key K, start record.Time) {
	if b, ok := s.encode(key); ok {
		s.rows.aim(start, b)
	} else {
		s.rows.lose()
	}
}

// Range is one key's windows that start in [from, to], by start, as of the beginning of the loop.
func (s *WindowStore[K, V]) Range(key K, from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return func(yield func(windowing.Key[K], V) bool) {
		b, ok := s.encode(key)
		if !ok {
			return
		}
		s.rows.history(bytes.Clone(b), from, to, func(start record.Time, v V, _ record.Time) bool {
			return yield(s.windowed(key, start), v)
		})
	}
}

// All is every window that starts in [from, to], by start, then key bytes (unsigned), as of the
// beginning of the loop.
func (s *WindowStore[K, V]) All(from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return pairs(s.Entries(from, to))
}

// Entries is All with times.
func (s *WindowStore[K, V]) Entries(from, to record.Time) iter.Seq[Entry[windowing.Key[K], V]] {
	return func(yield func(Entry[windowing.Key[K], V]) bool) {
		s.rows.scan(span{from: from, to: to}, func(start record.Time, b []byte, v V, at record.Time) bool {
			key, ok := s.decode(b)
			return ok && yield(Entry[windowing.Key[K], V]{s.windowed(key, start), v, at})
		})
	}
}

func (s *WindowStore[K, V]) windowed(key K, start record.Time) windowing.Key[K] {
	return windowing.Key[K]{Key: key, Start: start, End: windowing.End(start, s.size)}
}
