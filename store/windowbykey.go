package store

import (
	"bytes"
	"iter"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// KeyedWindowStore is a window store for who asks for the windows of one key, at any starts: rows
// stand by key and start within segments of time, which expire whole. It implements Window. Kafka
// Streams: Stores.persistentWindowStore, and inMemoryWindowStore with Definition.InMemory.
//
// What is not within the retention of the highest start written is not there to be read. A put is
// refused, and Expired counts it, once its whole segment is beyond the retention; of a store in
// memory, once its start is.
type KeyedWindowStore[K, V any] struct {
	keys[K]
	rows  rows[V]
	of    *origin
	null  record.Nulls[V]
	size  time.Duration
	exact bool // refuses by the start
}

var _ Window[string, int64] = (*KeyedWindowStore[string, int64])(nil)

// OpenKeyedWindow opens a store in a space, or makes it. What goes wrong is the space's Err.
func OpenKeyedWindow[K, V any](
	s *Space, d Definition, key serde.Serde[K], value serde.Serde[V],
) *KeyedWindowStore[K, V] {
	rows := openRows(s, d, byKeyAndStart, value)
	return &KeyedWindowStore[K, V]{
		keys: newKeys(s, d.Name, key), rows: rows, of: rows.core(),
		null: record.NullsOf[V](), size: d.WindowSize, exact: d.InMemory,
	}
}

// visibleFrom is the lowest start that is there.
func (s *KeyedWindowStore[K, V]) visibleFrom() record.Time { return s.of.visibleFrom(s.rows.highest()) }

// local is the row's key in its segment; ok is false if there can be no such row.
func (s *KeyedWindowStore[K, V]) local(key K, start record.Time) (local []byte, ok bool) {
	b, ok := s.encode(key)
	if !ok || start < 0 {
		return nil, false
	}
	s.scratch = appendStart(b, start)
	return s.scratch, true
}

// Find reads the row; Set or Remove may follow, for the same key and start, before any other call
// of the space's stores.
func (s *KeyedWindowStore[K, V]) Find(key K, start record.Time) (v V, at record.Time, ok bool) {
	local, ok := s.local(key, start)
	switch hidden := start < s.visibleFrom(); {
	case !ok || hidden && s.exact:
		s.rows.lose()
	case hidden: // but it may still be written
		s.rows.aim(s.of.segmentOf(start), local)
	default:
		return s.rows.find(s.of.segmentOf(start), local)
	}
	return v, 0, false
}

// Set writes the row of the last Find. A null v removes it. Nothing is written, and Expired counts
// it, if the put is refused.
func (s *KeyedWindowStore[K, V]) Set(v V, at record.Time) {
	if s.null.Has(&v) {
		s.rows.remove(at)
		return
	}
	s.rows.set(v, at)
}

// Remove removes the row of the last Find, under the rules of Set.
func (s *KeyedWindowStore[K, V]) Remove(at record.Time) { s.rows.remove(at) }

// Expired is how many writes were refused. Kafka Streams: expired-window-record-drop.
func (s *KeyedWindowStore[K, V]) Expired() int64 { return s.rows.droppedWrites() }

// OnRefused has f called for each write that is refused.
func (s *KeyedWindowStore[K, V]) OnRefused(f func()) { s.rows.onRefused(f) }

// Get reads the row.
func (s *KeyedWindowStore[K, V]) Get(key K, start record.Time) (value V, ok bool) {
	value, _, ok = s.Find(key, start)
	return value, ok
}

// Entry reads the row with its time.
func (s *KeyedWindowStore[K, V]) Entry(key K, start record.Time) (e Entry[windowing.Key[K], V], ok bool) {
	e.Value, e.Time, ok = s.Find(key, start)
	e.Key = s.windowed(key, start)
	return e, ok
}

// Put writes the row with the current record's time. A null value deletes it, as in Kafka Streams.
func (s *KeyedWindowStore[K, V]) Put(key K, start record.Time, value V) {
	s.PutAt(key, start, value, s.space.now)
}

// PutAt is Put with a time of its own.
func (s *KeyedWindowStore[K, V]) PutAt(key K, start record.Time, value V, at record.Time) {
	s.aim(key, start)
	s.Set(value, at)
}

// Delete deletes the row.
func (s *KeyedWindowStore[K, V]) Delete(key K, start record.Time) {
	s.aim(key, start)
	s.rows.remove(s.space.now)
}

func (s *KeyedWindowStore[K, V]) aim(key K, start record.Time) {
	local, ok := s.local(key, start)
	if !ok || s.exact && start < s.visibleFrom() {
		s.rows.lose()
		return
	}
	s.rows.aim(s.of.segmentOf(start), local)
}

// Range is one key's windows that start in [from, to], by start, as of the beginning of the loop.
// It costs a look into each segment that the span touches, whatever the number of keys.
func (s *KeyedWindowStore[K, V]) Range(key K, from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return func(yield func(windowing.Key[K], V) bool) {
		for _, row := range s.run(key, from, to) {
			if !yield(s.windowed(key, row.start), row.value) {
				return
			}
		}
	}
}

// run reads a key's rows.
func (s *KeyedWindowStore[K, V]) run(key K, from, to record.Time) (found []version[V]) {
	b, ok := s.encode(key)
	if from, to = s.clamp(from, to); !ok || to < from {
		return nil
	}
	b = bytes.Clone(b)
	of := span{lo: appendStart(bytes.Clone(b), from), end: appendStart(bytes.Clone(b), to+1)}
	last := s.of.segmentOf(to)
	for segment := s.of.segmentOf(from); segment <= last; segment += s.of.interval {
		of.from, of.to = segment, segment
		s.rows.scan(of, func(_ record.Time, local []byte, v V, at record.Time) bool {
			start, k, err := s.of.rowOf(segment, local)
			if err != nil {
				s.space.fail(err)
				return false
			}
			// Longer keys that begin with this one and a start stand between.
			if bytes.Equal(k, b) {
				found = append(found, version[V]{start, v, at})
			}
			return true
		})
	}
	return found
}

// clamp is the part of the span where rows can be.
func (s *KeyedWindowStore[K, V]) clamp(from, to record.Time) (record.Time, record.Time) {
	return max(from, s.visibleFrom()), min(to, s.rows.highest())
}

// All is every window that starts in [from, to], as of the beginning of the loop: each key's by
// start.
func (s *KeyedWindowStore[K, V]) All(from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return pairs(s.Entries(from, to))
}

// Entries is All with times.
func (s *KeyedWindowStore[K, V]) Entries(from, to record.Time) iter.Seq[Entry[windowing.Key[K], V]] {
	return func(yield func(Entry[windowing.Key[K], V]) bool) {
		from, to := s.clamp(from, to)
		if to < from {
			return
		}
		of := span{from: s.of.segmentOf(from), to: s.of.segmentOf(to)}
		s.rows.scan(of, func(segment record.Time, local []byte, v V, at record.Time) bool {
			start, b, err := s.of.rowOf(segment, local)
			if err != nil {
				s.space.fail(err)
				return false
			}
			if start < from || start > to {
				return true
			}
			key, ok := s.decode(b)
			return ok && yield(Entry[windowing.Key[K], V]{s.windowed(key, start), v, at})
		})
	}
}

func (s *KeyedWindowStore[K, V]) windowed(key K, start record.Time) windowing.Key[K] {
	return windowing.Key[K]{Key: key, Start: start, End: windowing.End(start, s.size)}
}
