package store

import (
	"cmp"
	"slices"

	"github.com/pitwheel/pitwheel/record"
)

// held is about how many bytes the cache takes.
func (c *cache[V, T]) held() int64 {
	if !c.scanned {
		return c.bytes
	}
	rows := 0
	for _, g := range c.segments {
		rows += g.rows.count
	}
	// What a value's pointers lead to is guessed from its encoded size.
	return c.bytes + 2*c.encoded*int64(rows)
}

// age forgets which segments were used lately, so that their next use says so.
func (c *cache[V, T]) age() { clear(c.recent[:]) }

// dropIdle drops whole windows that are applied and were not used since before that call of Trim,
// the longest unused first, until need bytes are free.
func (c *cache[V, T]) dropIdle(before uint64, need int64) (freed int64) {
	if !c.windowed {
		return 0
	}
	had := c.held()
	var idle []*segment[T]
	for _, g := range c.segments {
		if g.epoch < before && g.clean(c.space.gens.applied) {
			idle = append(idle, g)
		}
	}
	slices.SortFunc(idle, func(a, b *segment[T]) int {
		return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.start, b.start))
	})
	for _, g := range idle {
		if freed = had - c.held(); freed >= need {
			break
		}
		c.dropSegment(g)
	}
	return had - c.held()
}

// evictable is about how many bytes of rows are applied.
func (c *cache[V, T]) evictable() (bytes int64) {
	for _, g := range c.segments {
		bytes += int64(g.evictable(c.space.gens.applied)) * c.rowBytes(g)
	}
	return bytes
}

// rowBytes is what a row of the segment takes on average.
func (c *cache[V, T]) rowBytes(g *segment[T]) int64 {
	all := g.rows.slotBytes() + int64(g.values.held) + int64(g.rows.keys.held)
	mean := all / int64(max(g.rows.count, 1))
	if c.scanned {
		mean += 2 * c.encoded
	}
	return mean
}

func (g *segment[T]) evictable(applied uint32) int {
	return max(0, g.rows.count-g.unapplied(applied))
}

// sweep evicts from each segment that share of its applied rows, those first that were not used
// since the last sweep.
func (c *cache[V, T]) sweep(share float64) {
	applied := c.space.gens.applied
	starts := make([]record.Time, 0, len(c.segments))
	for start := range c.segments {
		starts = append(starts, start)
	}
	for _, start := range starts {
		g := c.segments[start]
		n := int(float64(g.evictable(applied))*share + 1)
		// A table that would hardly shrink is not worth moving.
		if n < g.rows.count/16 || n < 1 {
			continue
		}
		c.evict(g, n)
	}
}

// evict moves the segment to a smaller table without n of its applied rows.
func (c *cache[V, T]) evict(g *segment[T], n int) {
	doomed := c.doom(g, n)
	if doomed == 0 {
		return
	}
	c.lose()
	kept := g.rows.count - doomed
	hand := g.hand * kept / max(g.rows.count, 1)
	g.rebuild(kept*4/3+1, c.space.gens, func(s *slot[T]) bool { return s.meta&doomedBit == 0 })
	g.hand = min(hand, len(g.rows.slots)-1)
	if packed, ok := any(g).(*segment[place]); ok && c.pack != nil {
		compactValues(packed)
	}
}

// doom marks up to n applied rows. The hand goes round at most twice: what it finds used it
// leaves for the second time.
func (c *cache[V, T]) doom(g *segment[T], n int) (doomed int) {
	slots := g.rows.slots
	for range 2 * len(slots) {
		s := &slots[g.hand]
		if g.hand++; g.hand == len(slots) {
			g.hand = 0
		}
		switch {
		case s.free() || s.gen() > c.space.gens.applied || s.meta&doomedBit != 0:
		case s.meta&usedBit != 0:
			s.meta &^= usedBit
		default:
			s.meta |= doomedBit
			if !s.absent() {
				g.complete = false
				c.clear(g, s)
			}
			if doomed++; doomed == n {
				return doomed
			}
		}
	}
	return doomed
}
