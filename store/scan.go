package store

import (
	"bytes"
	"slices"

	"github.com/pitwheel/pitwheel/record"
)

// span is which rows a scan is of.
type span struct {
	from, to record.Time // starts, both included
	lo       []byte      // the first key; empty: there is no first
	end      []byte      // keys are below it; nil: there is no end
	backward bool        // from the last key to the first; of a key-value store alone
	// limit, if above zero, is at most how many rows of the cache a scan copies before it begins: the
	// span then ends earlier, and scan returns the rest. Only where keys are in order over segments.
	limit int
}

func (s *span) bounded() bool { return len(s.lo) > 0 || s.end != nil }

// empty says that no key is in the span, whatever there is.
func (s *span) empty() bool {
	return s.to < s.from || s.end != nil && bytes.Compare(s.lo, s.end) >= 0
}

// snapshot is what a segment held when a scan began, in the order of keys.
type snapshot[T any] struct {
	start  record.Time
	whole  bool // these are all its rows of the span; else those that are not applied, also removals
	slots  []slot[T]
	keys   table[T] // without slots: the long keys
	values arena
}

// nothing is a span without rows.
var nothing = span{from: 0, to: -1}

// scan yields the rows of the span as of the call, by start, then key bytes, or backward. Keys are
// valid until the next row. It returns what is left of a span with a limit, unless yield wanted no
// more.
func (c *cache[V, T]) scan(s span, yield func(start record.Time, key []byte, v V, at record.Time) bool) (rest span) {
	s.from = max(s.from, c.floor)
	if s.empty() || c.space.err != nil {
		return nothing
	}
	snapshots, s, rest := c.snapshots(s)
	m := merge[V, T]{of: c, yield: yield, backward: s.backward}
	if c.needsBackend(s, snapshots) {
		from, to := c.bounds(s)
		it, err := c.base.iterate(from, to)
		if err != nil {
			c.space.fail(err)
			return nothing
		}
		m.it = it
		defer func() {
			if err := it.close(); err != nil {
				c.space.fail(err)
			}
		}()
		if s.backward {
			m.move(it.last())
		} else {
			m.move(it.seek(from))
		}
	}
	if !m.run(snapshots) {
		return nothing
	}
	return rest
}

// needsBackend is false where the snapshots hold all there can be.
func (c *cache[V, T]) needsBackend(s span, snapshots []snapshot[T]) bool {
	if c.windowed && s.from > c.applied.max {
		return false
	}
	segments := record.Time(1)
	if c.interval > 0 {
		segments += (s.to - s.from) / c.interval
	} else if s.from != s.to {
		return true // there may be any number of them
	}
	return record.Time(len(snapshots)) < segments ||
		slices.ContainsFunc(snapshots, func(n snapshot[T]) bool { return !n.whole })
}

// bounds are the keys of the backend between which the span's rows are.
func (o *origin) bounds(s span) (from, to []byte) {
	from = append(from, o.key(s.from, s.lo)...)
	if s.end != nil {
		return from, append(to, o.key(s.to, s.end)...)
	}
	return from, prefixEnd(o.key(s.to, nil))
}

// snapshots copies what the cache has of a span; s is the span that this is of, rest what is left.
func (c *cache[V, T]) snapshots(of span) (all []snapshot[T], s, rest span) {
	s, rest = of, nothing
	for _, g := range c.between(s.from, s.to) {
		// A part of a store by key can have any number of rows: an index of all would be too dear.
		n := snapshot[T]{
			start: g.start, whole: g.complete && (!s.bounded() || c.layout.segmented()),
			keys: table[T]{keys: g.rows.keys}, values: g.values,
		}
		cut := false
		if n.whole && !s.bounded() {
			n.slots = g.allRows()
		} else {
			n.slots, cut = g.indexed(s, n.whole, c.space.gens.applied)
		}
		if s.backward {
			slices.Reverse(n.slots)
		}
		if n.whole || len(n.slots) > 0 {
			all = append(all, n)
		}
		if cut {
			after := append(n.keys.appendKey(nil, &n.slots[len(n.slots)-1]), 0)
			s.to, s.end = g.start, after
			rest.from, rest.to, rest.lo, rest.end, rest.limit = g.start, of.to, after, of.end, of.limit
			break
		}
	}
	return all, s, rest
}

// allRows copies the rows of a complete segment.
func (g *segment[T]) allRows() []slot[T] {
	ranks := g.rows.sorted(func(s *slot[T]) bool { return !s.absent() })
	slots := make([]slot[T], len(ranks))
	for i := range ranks {
		slots[i] = g.rows.slots[ranks[i].index]
	}
	return slots
}

// merge joins snapshots with the rows of the backend below them.
type merge[V, T any] struct {
	of       *cache[V, T]
	yield    func(start record.Time, key []byte, v V, at record.Time) bool
	it       iterator // nil: the backend has nothing
	backward bool
	keyBuf   []byte

	row   bool // the iterator stands on a row, which is:
	start record.Time
	key   []byte
}

// move takes note of where the iterator stands. It returns false if that failed.
func (m *merge[V, T]) move(ok bool) {
	m.row = false
	if !ok {
		return
	}
	var err error
	if m.start, m.key, err = m.of.split(m.it.key()); err != nil {
		m.of.space.fail(err)
		return
	}
	m.row = true
}

// run yields the rows. It returns false if no more are wanted.
func (m *merge[V, T]) run(snapshots []snapshot[T]) bool {
	for i := range snapshots {
		n := &snapshots[i]
		if !m.rowsBefore(n.start) || !m.segment(n) {
			return false
		}
	}
	return m.rowsBefore(noFloor)
}

// rowsBefore yields the backend's rows that start before that.
func (m *merge[V, T]) rowsBefore(start record.Time) bool {
	for m.row && m.start < start {
		if !m.emitRow() {
			return false
		}
	}
	return true
}

// segment yields the rows of one segment.
func (m *merge[V, T]) segment(n *snapshot[T]) bool {
	for i := range n.slots {
		s := &n.slots[i]
		m.keyBuf = n.keys.appendKey(m.keyBuf[:0], s)
		for !n.whole && m.row && m.start == n.start {
			order := bytes.Compare(m.key, m.keyBuf)
			if m.backward {
				order = -order
			}
			if order > 0 {
				break
			}
			if order < 0 {
				if !m.emitRow() {
					return false
				}
				continue
			}
			m.step() // the cache has it newer
			break
		}
		if !s.absent() && !m.emit(n.start, m.keyBuf, m.of.loadFrom(&n.values, &s.value), s.at) {
			return false
		}
	}
	if n.whole {
		if m.row && m.start == n.start {
			m.move(m.it.seek(m.of.key(n.start+1, nil)))
		}
		return true
	}
	return m.rowsBefore(n.start + 1)
}

// emitRow yields the backend's row and moves on.
func (m *merge[V, T]) emitRow() bool {
	v, at, err := m.of.decode(m.it.value())
	if err != nil {
		m.of.space.fail(err)
		return false
	}
	if !m.emit(m.start, m.key, v, at) {
		return false
	}
	m.step()
	return true
}

func (m *merge[V, T]) step() {
	if m.backward {
		m.move(m.it.prev())
	} else {
		m.move(m.it.next())
	}
}

func (m *merge[V, T]) emit(start record.Time, key []byte, v V, at record.Time) bool {
	return m.of.space.err == nil && m.yield(start, key, v, at) && m.of.space.err == nil
}

// loadFrom is load for a snapshot.
func (c *cache[V, T]) loadFrom(values *arena, t *T) V { return c.load(&segment[T]{values: *values}, t) }
