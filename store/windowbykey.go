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
	exact bool       // refuses by the start
	index *timeIndex // nil: nobody asks for all keys' windows by start

	bounds []byte // of Run

	at  record.Time // the start that the cursor is at, whose key begins scratch; -1: it is nowhere
	had bool        // the row at the cursor is known to be there
}

var _ Window[string, int64] = (*KeyedWindowStore[string, int64])(nil)

// OpenKeyedWindow opens a store in a space, or makes it. What goes wrong is the space's Err.
func OpenKeyedWindow[K, V any](
	s *Space, d Definition, key serde.Serde[K], value serde.Serde[V],
) *KeyedWindowStore[K, V] {
	rows := openRows(s, d, byKeyAndStart, value)
	w := &KeyedWindowStore[K, V]{
		keys: newKeys(s, d.Name, key), rows: rows, of: rows.core(),
		null: record.NullsOf[V](), size: d.WindowSize, exact: d.InMemory,
	}
	w.index = openIndexOf(s, w.of, d)
	return w
}

// visibleFrom is the lowest start that is there.
func (s *KeyedWindowStore[K, V]) visibleFrom() record.Time { return s.of.visibleFrom(s.rows.highest()) }

// local is the row's key in its segment; ok is false if there can be no such row.
func (s *KeyedWindowStore[K, V]) local(key K, start record.Time) (local []byte, ok bool) {
	s.at, s.had = start, false
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
		s.lose()
	case hidden: // but it may still be written
		s.rows.aim(s.of.segmentOf(start), local)
	default:
		v, at, ok = s.rows.find(s.of.segmentOf(start), local)
		s.had = ok
		return v, at, ok
	}
	return v, 0, false
}

// Set writes the row of the last Find. A null v removes it. Nothing is written, and Expired counts
// it, if the put is refused.
func (s *KeyedWindowStore[K, V]) Set(v V, at record.Time) {
	if s.null.Has(&v) {
		s.Remove(at)
		return
	}
	s.rows.set(v, at)
	if s.index != nil && !s.had && s.aimed() {
		s.index.aim(rowID{start: s.at, key: s.atKey()})
		s.index.rows.set(struct{}{}, at)
		s.had = true
	}
}

// Remove removes the row of the last Find, under the rules of Set.
func (s *KeyedWindowStore[K, V]) Remove(at record.Time) {
	s.rows.remove(at)
	if s.index != nil && s.aimed() {
		s.index.aim(rowID{start: s.at, key: s.atKey()})
		s.index.rows.remove(at)
		s.had = false
	}
}

func (s *KeyedWindowStore[K, V]) lose() {
	s.at = -1
	s.rows.lose()
}

// aimed says that the cursor is at a row that is kept.
func (s *KeyedWindowStore[K, V]) aimed() bool {
	return s.at >= s.of.floorAt(s.rows.highest()) && s.at >= 0
}

// atKey is the bytes of the key that the cursor is at.
func (s *KeyedWindowStore[K, V]) atKey() []byte { return s.scratch[:len(s.scratch)-startBytes] }

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
	s.Remove(s.space.now)
}

func (s *KeyedWindowStore[K, V]) aim(key K, start record.Time) {
	local, ok := s.local(key, start)
	if !ok || s.exact && start < s.visibleFrom() {
		s.lose()
		return
	}
	s.rows.aim(s.of.segmentOf(start), local)
}

// Range is one key's windows that start in [from, to], by start, as of the beginning of the loop.
// It costs a look into each segment that the span touches, whatever the number of keys.
func (s *KeyedWindowStore[K, V]) Range(key K, from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return func(yield func(windowing.Key[K], V) bool) {
		for _, row := range s.Run(nil, key, from, to) {
			if !yield(s.windowed(key, row.Start), row.Value) {
				return
			}
		}
	}
}

// WindowRow is a row of a window store, of a key that is known.
type WindowRow[V any] struct {
	Start record.Time
	Value V
	Time  record.Time
}

// Run is Range with times, appended to dst. Values are good until the row is written.
func (s *KeyedWindowStore[K, V]) Run(dst []WindowRow[V], key K, from, to record.Time) []WindowRow[V] {
	b, ok := s.encode(key)
	if from, to = s.clamp(from, to); !ok || to < from {
		return dst
	}
	n := len(b)
	s.bounds = append(appendStart(append(s.bounds[:0], b...), from), b...)
	s.bounds = appendStart(s.bounds, to+1) // beyond the end of time it is above all starts, which have no sign
	lo, end := s.bounds[:n+startBytes], s.bounds[n+startBytes:]
	last := s.of.segmentOf(to)
	for segment := s.of.segmentOf(from); ; segment += s.of.interval {
		s.rows.scan(span{from: segment, to: segment, lo: lo, end: end}, func(_ record.Time, local []byte, v V, at record.Time) bool {
			id, err := s.of.rowOf(segment, local)
			if err != nil {
				s.space.fail(err)
				return false
			}
			// Longer keys that begin with this one and a start stand between.
			if bytes.Equal(id.key, lo[:n]) {
				dst = append(dst, WindowRow[V]{id.start, v, at})
			}
			return true
		})
		if segment >= last {
			return dst
		}
	}
}

// ByTime is every window that starts in [from, to], by start, then key bytes, as of the beginning of the
// loop, in which the store must not be written to. The store is one with Definition.ByTime. It costs
// no more than the windows that it gives.
func (s *KeyedWindowStore[K, V]) ByTime(from, to record.Time) iter.Seq[Entry[windowing.Key[K], V]] {
	return func(yield func(Entry[windowing.Key[K], V]) bool) {
		if from, to = s.clamp(from, to); to < from {
			return
		}
		s.index.walk(from, to, func(id rowID) bool {
			s.lose()
			v, at, ok := s.rows.find(s.of.segmentOf(id.start), s.of.localKey(id))
			if !ok {
				return s.space.err == nil
			}
			key, ok := s.decode(id.key)
			return ok && yield(Entry[windowing.Key[K], V]{s.windowed(key, id.start), v, at})
		})
	}
}

// First is the lowest start from that time on; false: there is none. It is of stores with
// Definition.ByTime.
func (s *KeyedWindowStore[K, V]) First(from record.Time) (start record.Time, ok bool) {
	from, to := s.clamp(from, noFloor)
	if to < from {
		return 0, false
	}
	return s.index.first(from, to)
}

// Detached is a copy of a value of the store that has nothing in common with it, for a row of its own:
// a function may change its aggregate in place.
func (s *KeyedWindowStore[K, V]) Detached(v V) V { return s.rows.detached(v) }

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
			id, err := s.of.rowOf(segment, local)
			if err != nil {
				s.space.fail(err)
				return false
			}
			if id.start < from || id.start > to {
				return true
			}
			key, ok := s.decode(id.key)
			return ok && yield(Entry[windowing.Key[K], V]{s.windowed(key, id.start), v, at})
		})
	}
}

func (s *KeyedWindowStore[K, V]) windowed(key K, start record.Time) windowing.Key[K] {
	return windowing.Key[K]{Key: key, Start: start, End: windowing.End(start, s.size)}
}
