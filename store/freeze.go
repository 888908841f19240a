package store

import (
	"fmt"
)

// freeze encodes what is dirty and makes it clean in the next generation; ok is false if there
// was nothing.
func (c *cache[V, T]) freeze() (f FrozenStore, ok bool) {
	if c.prune != nil {
		c.prune()
	}
	f = FrozenStore{Name: c.name, Keys: c.layout.keys(), max: c.max, Log: c.log, versioned: c.layout == byVersions}
	c.log = nil
	c.dropExpired()
	if c.floor > c.frozen && c.floor != noFloor {
		c.frozen, f.Floor = c.floor, c.floor
	}
	dirty := 0
	segments := c.between(0, noFloor)
	for _, g := range segments {
		dirty += len(g.dirty)
	}
	if dirty == 0 {
		return f, f.Floor > 0
	}
	w := frozenWriter{entries: make([]FrozenEntry, 0, dirty)}
	for _, g := range segments {
		if err := c.freezeSegment(g, &w); err != nil {
			c.space.fail(err)
			return f, false
		}
	}
	f.Entries = w.entries
	return f, true
}

// dropExpired forgets the windows below the floor, with what is dirty in them.
func (c *cache[V, T]) dropExpired() {
	for start, g := range c.segments {
		if start < c.floor {
			c.dropSegment(g)
		}
	}
}

func (c *cache[V, T]) freezeSegment(g *segment[T], w *frozenWriter) error {
	if len(g.dirty) == 0 {
		return nil
	}
	ranks := g.dirtyRanks(c.space.gens.current)
	for i := range ranks {
		s := &g.rows.slots[ranks[i].index]
		e := FrozenEntry{Time: s.at}
		from := w.room()
		w.buf = g.rows.appendKey(w.buf, s)
		id, err := c.rowOf(g.start, w.taken(from))
		if err != nil {
			return err
		}
		e.Start, e.From, e.Key = id.start, id.from, id.key
		if !s.absent() {
			from = w.room()
			if w.buf, err = c.serde.Append(w.buf, c.load(g, &s.value)); err != nil {
				return c.valueError(err)
			}
			e.Value = w.taken(from)
			if c.scanned {
				c.observe(len(e.Value))
			}
		}
		w.entries = append(w.entries, e)
	}
	gens := c.space.gens
	if g.frozenGen > gens.applied {
		g.frozen += len(g.dirty)
	} else {
		g.frozen = len(g.dirty)
	}
	g.frozenGen = gens.current
	g.dirty = g.dirty[:0]
	return nil
}

// dirtyRanks are the ranks of what is dirty, in order. Where that is much of the table, reading all
// of it in one sweep is faster than jumping about in it.
func (g *segment[T]) dirtyRanks(current uint32) []rank {
	if len(g.dirty) > len(g.rows.slots)/4 {
		return g.rows.sorted(func(s *slot[T]) bool { return s.gen() == current })
	}
	ranks := make([]rank, len(g.dirty))
	for i, at := range g.dirty {
		ranks[i] = g.rows.rankAt(int(at))
	}
	g.rows.sort(ranks)
	return ranks
}

func (c *cache[V, T]) valueError(err error) error {
	return fmt.Errorf("store: encode a value for store %q: %w", c.name, err)
}

// frozenWriter encodes into chunks that are never written again where something stands.
type frozenWriter struct {
	entries []FrozenEntry
	buf     []byte
}

const (
	frozenChunk = 64 << 10
	// frozenRoom is what is free in a chunk at least before something is appended: what is longer
	// moves the chunk, which is right too, only slower.
	frozenRoom = 512
)

// room makes room and returns where the next thing begins.
func (w *frozenWriter) room() int {
	if cap(w.buf)-len(w.buf) < frozenRoom {
		w.buf = make([]byte, 0, min(frozenChunk, max(frozenRoom, 64*cap(w.entries))))
	}
	return len(w.buf)
}

// taken is what was appended since from; not nil.
func (w *frozenWriter) taken(from int) []byte { return w.buf[from:len(w.buf):len(w.buf)] }

// settle takes note that a generation's part is applied.
func (c *cache[V, T]) settle(f *FrozenStore) {
	c.origin.settle(f)
	var g *segment[T]
	for i := range f.Entries {
		e := &f.Entries[i]
		if start := c.segmentOf(e.Start); g == nil || g.start != start {
			g = c.segments[start]
		}
		if g == nil || g.index == nil || g.whole {
			continue
		}
		c.unindex(g, c.localKey(e.id()))
	}
}

// unindex takes a key that is applied out of the segment's index, unless it was written again.
func (c *cache[V, T]) unindex(g *segment[T], key []byte) {
	var p probe
	p.set(key)
	if i, ok := g.rows.find(&p); !ok || g.rows.slots[i].gen() <= c.space.gens.applied {
		g.unindexKey(key)
	}
}

// abort forgets all that is not applied.
func (c *cache[V, T]) abort() {
	c.log = nil
	c.reset()
	c.resetMax()
}

// renumber moves the generations of all rows down by that much.
func (c *cache[V, T]) renumber(by uint32) {
	for _, g := range c.segments {
		g.frozenGen -= min(by, g.frozenGen)
		for i := range g.rows.slots {
			s := &g.rows.slots[i]
			s.stamp(s.gen() - min(by, s.gen()))
		}
	}
}

// restored takes note of rows that went straight to the backend.
func (c *cache[V, T]) restored() { c.abort() }
