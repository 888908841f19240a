package store

import (
	"fmt"

	"github.com/pitwheel/pitwheel/record"
)

// loadMax is how many rows are read at once to make a segment complete: that many take about a
// millisecond, and spare as many look-ups in the backend.
const loadMax = 4096

// segment opens the segment of that start; nil if that failed.
func (c *cache[V, T]) segment(start record.Time) *segment[T] {
	g := c.segments[start]
	if g == nil {
		g = newSegment[T](start, &c.bytes)
		c.segments[start] = g
		// Beyond the highest start that was ever applied there is nothing to ask the backend for.
		if g.complete = c.windowed && start > c.applied.max; !g.complete {
			c.fillSegment(g)
		}
		if c.space.err != nil {
			return nil
		}
	}
	g.epoch = c.space.epoch
	c.recent[recentAt(start)] = g
	return g
}

// fillSegment reads the rows below g. If these are few, g is complete; if they are many it keeps
// the first ones. While the caches are over their budget it asks only whether there are any.
func (c *cache[V, T]) fillSegment(g *segment[T]) {
	limit := loadMax
	if c.space.shared.Over() {
		limit = 0
	}
	from := append([]byte(nil), c.key(g.start, nil)...)
	it, err := c.base.iterate(from, prefixEnd(from))
	if err != nil {
		c.space.fail(err)
		return
	}
	var p probe
	n := 0
	ok := it.seek(from)
	for ; ok && n < limit && err == nil; ok = it.next() {
		p.set(it.key()[len(from):])
		err = c.keepClean(g, &p, it.value())
		n++
	}
	if closed := it.close(); err == nil {
		err = closed
	}
	if err != nil {
		c.space.fail(err)
		return
	}
	g.complete = !ok
}

// keepClean caches a row of the backend.
func (c *cache[V, T]) keepClean(g *segment[T], p *probe, row []byte) error {
	v, at, err := c.decode(row)
	if err != nil {
		return err
	}
	i, _ := g.rows.find(p)
	_, s := g.insert(i, p, c.space.gens)
	s.at = at
	c.save(g, &s.value, v, false)
	return nil
}

// detached is a copy of v, made by its serde where it may lead to something that is shared.
func (c *cache[V, T]) detached(v V) V {
	if !c.scanned || c.space.err != nil {
		return v
	}
	b, err := c.serde.Append(nil, v)
	if err != nil {
		c.space.fail(c.valueError(err))
		return v
	}
	w, err := c.serde.Decode(b)
	if err != nil {
		c.space.fail(fmt.Errorf("store: value in store %q: %w", c.name, err))
	}
	return w
}
