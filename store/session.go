package store

import (
	"bytes"
	"iter"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// SessionStore is a typed session store over the cache: rows stand by key, end and start within segments
// of ends, which expire whole. It implements Session. Kafka Streams: Stores.persistentSessionStore, and
// inMemorySessionStore with Definition.InMemory.
//
// What does not end within the retention of the highest end written is not there to be read. A put is
// refused, and Expired counts it, once its whole segment is beyond the retention; of a store in memory,
// once its end is.
type SessionStore[K, V any] struct {
	keys[K]
	rows   rows[V]
	of     *origin
	null   record.Nulls[V]
	exact  bool       // refuses by the end
	index  *timeIndex // nil: nobody asks for all keys' sessions by end
	bounds []byte     // of Run

	at  rowID // the row that the cursor is at, with a key of its own; a negative start: it is nowhere
	had bool  // the row at the cursor is known to be there
}

var _ Session[string, int64] = (*SessionStore[string, int64])(nil)

// OpenSession opens a store in a space, or makes it. What goes wrong is the space's Err.
func OpenSession[K, V any](s *Space, d Definition, key serde.Serde[K], value serde.Serde[V]) *SessionStore[K, V] {
	rows := openRows(s, d, bySession, value)
	w := &SessionStore[K, V]{
		keys: newKeys(s, d.Name, key), rows: rows, of: rows.core(),
		null: record.NullsOf[V](), exact: d.InMemory,
	}
	w.index = openIndexOf(s, w.of, d)
	return w
}

// visibleFrom is the lowest end that is there.
func (s *SessionStore[K, V]) visibleFrom() record.Time { return s.of.visibleFrom(s.rows.highest()) }

// point makes at the row of a session; false if there can be none.
func (s *SessionStore[K, V]) point(session windowing.Key[K]) bool {
	s.had = false
	b, ok := s.encode(session.Key)
	if !ok || session.Start < 0 || session.End < session.Start {
		s.at.start = -1
		s.rows.lose()
		return false
	}
	s.at = rowID{start: session.End, from: session.Start, key: append(s.at.key[:0], b...)}
	return true
}

// Find reads the row; Set or Remove may follow, for the same session, before any other call of the
// space's stores.
func (s *SessionStore[K, V]) Find(session windowing.Key[K]) (v V, at record.Time, ok bool) {
	if !s.point(session) {
		return v, 0, false
	}
	switch hidden := session.End < s.visibleFrom(); {
	case hidden && s.exact:
		s.lose()
	case hidden: // but it may still be written
		s.rows.aim(s.of.segmentOf(session.End), s.of.localKey(s.at))
	default:
		v, at, ok = s.rows.find(s.of.segmentOf(session.End), s.of.localKey(s.at))
		s.had = ok
	}
	return v, at, ok
}

// aim is Find without reading.
func (s *SessionStore[K, V]) aim(session windowing.Key[K]) {
	switch {
	case !s.point(session):
	case s.exact && session.End < s.visibleFrom():
		s.lose()
	default:
		s.rows.aim(s.of.segmentOf(session.End), s.of.localKey(s.at))
	}
}

func (s *SessionStore[K, V]) lose() {
	s.at.start = -1
	s.rows.lose()
}

// aimed says that the cursor is at a row that is kept.
func (s *SessionStore[K, V]) aimed() bool {
	return s.at.start >= 0 && s.at.start >= s.of.floorAt(s.rows.highest())
}

// Set writes the row of the last Find. A null v removes it. Nothing is written, and Expired counts
// it, if the put is refused.
func (s *SessionStore[K, V]) Set(v V, at record.Time) {
	if s.null.Has(&v) {
		s.Remove(at)
		return
	}
	s.rows.set(v, at)
	if s.index != nil && !s.had && s.aimed() {
		s.index.aim(s.at)
		s.index.rows.set(struct{}{}, at)
		s.had = true
	}
}

// Remove removes the row of the last Find, under the rules of Set.
func (s *SessionStore[K, V]) Remove(at record.Time) {
	s.rows.remove(at)
	if s.index != nil && s.aimed() {
		s.index.aim(s.at)
		s.index.rows.remove(at)
	}
	s.had = false
}

// Expired is how many writes were refused. Kafka Streams: expired-window-record-drop.
func (s *SessionStore[K, V]) Expired() int64 { return s.rows.droppedWrites() }

// OnRefused has f called for each write that is refused.
func (s *SessionStore[K, V]) OnRefused(f func()) { s.rows.onRefused(f) }

// Get reads the row.
func (s *SessionStore[K, V]) Get(session windowing.Key[K]) (value V, ok bool) {
	value, _, ok = s.Find(session)
	return value, ok
}

// Entry reads the row with its time.
func (s *SessionStore[K, V]) Entry(session windowing.Key[K]) (e Entry[windowing.Key[K], V], ok bool) {
	e.Value, e.Time, ok = s.Find(session)
	e.Key = session
	return e, ok
}

// Put writes the row with the current record's time. A null value deletes it, as in Kafka Streams.
func (s *SessionStore[K, V]) Put(session windowing.Key[K], value V) {
	s.PutAt(session, value, s.space.now)
}

// PutAt is Put with a time of its own.
func (s *SessionStore[K, V]) PutAt(session windowing.Key[K], value V, at record.Time) {
	s.aim(session)
	s.Set(value, at)
}

// Delete deletes the row.
func (s *SessionStore[K, V]) Delete(session windowing.Key[K]) {
	s.aim(session)
	s.Remove(s.space.now)
}

// Range is one key's sessions that have a time in common with [from, to], by end, then start, as of the
// beginning of the loop. It costs a look into each segment from that end on, and the key's sessions in
// them, whatever the number of keys.
func (s *SessionStore[K, V]) Range(key K, from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return func(yield func(windowing.Key[K], V) bool) {
		for _, row := range s.Run(nil, key, from, to) {
			if !yield(windowing.Key[K]{Key: key, Start: row.Start, End: row.End}, row.Value) {
				return
			}
		}
	}
}

// SessionRow is a row of a session store, of a key that is known.
type SessionRow[V any] struct {
	Start, End record.Time
	Value      V
	Time       record.Time
}

// Run is Range with times, appended to dst. Values are good until the row is written.
func (s *SessionStore[K, V]) Run(dst []SessionRow[V], key K, from, to record.Time) []SessionRow[V] {
	b, ok := s.encode(key)
	from, highest := max(from, s.visibleFrom()), s.rows.highest()
	if !ok || highest < from || to < 0 {
		return dst
	}
	n := len(b)
	s.bounds = append(appendStart(append(s.bounds[:0], b...), from), b...)
	s.bounds = append(s.bounds, 1<<7) // above all times, which have no sign
	lo, end := s.bounds[:n+startBytes], s.bounds[n+startBytes:]
	last := s.of.segmentOf(highest)
	for segment := s.of.segmentOf(from); ; segment += s.of.interval {
		s.rows.scan(span{from: segment, to: segment, lo: lo, end: end}, func(_ record.Time, local []byte, v V, at record.Time) bool {
			id, err := s.of.rowOf(segment, local)
			if err != nil {
				s.space.fail(err)
				return false
			}
			// Longer keys that begin with this one and a time stand between.
			if bytes.Equal(id.key, lo[:n]) && id.from <= to {
				dst = append(dst, SessionRow[V]{id.from, id.start, v, at})
			}
			return true
		})
		if segment >= last {
			return dst
		}
	}
}

// All is every session that has a time in common with [from, to], as of the beginning of the loop.
func (s *SessionStore[K, V]) All(from, to record.Time) iter.Seq2[windowing.Key[K], V] {
	return pairs(s.Entries(from, to))
}

// Entries is All with times.
func (s *SessionStore[K, V]) Entries(from, to record.Time) iter.Seq[Entry[windowing.Key[K], V]] {
	return func(yield func(Entry[windowing.Key[K], V]) bool) {
		from, highest := max(from, s.visibleFrom()), s.rows.highest()
		if highest < from {
			return
		}
		of := span{from: s.of.segmentOf(from), to: s.of.segmentOf(highest)}
		s.rows.scan(of, func(segment record.Time, local []byte, v V, at record.Time) bool {
			id, err := s.of.rowOf(segment, local)
			if err != nil {
				s.space.fail(err)
				return false
			}
			if id.start < from || id.from > to {
				return true
			}
			key, ok := s.decode(id.key)
			return ok && yield(Entry[windowing.Key[K], V]{windowing.Key[K]{Key: key, Start: id.from, End: id.start}, v, at})
		})
	}
}

// ByTime is every session that ends in [from, to], by end, start, then key bytes, as of the beginning of
// the loop, in which the store must not be written to. It gives what is kept, also where Get does not
// show it any more. The store is one with Definition.ByTime. It costs no more than the sessions that it
// gives.
func (s *SessionStore[K, V]) ByTime(from, to record.Time) iter.Seq[Entry[windowing.Key[K], V]] {
	return func(yield func(Entry[windowing.Key[K], V]) bool) {
		s.index.walk(from, min(to, s.rows.highest()), func(id rowID) bool {
			s.lose()
			v, at, ok := s.rows.find(s.of.segmentOf(id.start), s.of.localKey(id))
			if !ok {
				return s.space.err == nil
			}
			key, ok := s.decode(id.key)
			return ok && yield(Entry[windowing.Key[K], V]{windowing.Key[K]{Key: key, Start: id.from, End: id.start}, v, at})
		})
	}
}

// First is the lowest end from that time on; false: there is none. It is of stores with
// Definition.ByTime.
func (s *SessionStore[K, V]) First(from record.Time) (end record.Time, ok bool) {
	return s.index.first(from, s.rows.highest())
}
