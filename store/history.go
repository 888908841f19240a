package store

import (
	"bytes"

	"github.com/pitwheel/pitwheel/record"
)

// version is one window of a key.
type version[V any] struct {
	start record.Time
	value V
	at    record.Time
}

// history yields a key's rows that start in [from, to], as of the call. It costs a look-up for
// each window there is, whatever the number of keys.
func (c *cache[V, T]) history(
	key []byte, from, to record.Time, yield func(start record.Time, v V, at record.Time) bool,
) {
	from = max(from, c.floor)
	if to < from || c.space.err != nil {
		return
	}
	found, err := c.versions(bytes.Clone(key), from, to)
	if err != nil {
		c.space.fail(err)
		return
	}
	for i := range found {
		if !yield(found[i].start, found[i].value, found[i].at) {
			return
		}
	}
}

func (c *cache[V, T]) versions(key []byte, from, to record.Time) (found []version[V], err error) {
	low, high := c.bounds(span{from: from, to: to})
	it, err := c.base.iterate(low, high)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := it.close(); err == nil {
			err = closed
		}
	}()
	var p probe
	p.set(key)
	cached := c.between(from, to)
	for at := from; at <= to; at++ {
		for len(cached) > 0 && cached[0].start < at {
			cached = cached[1:]
		}
		if len(cached) > 0 && cached[0].start == at {
			known, v := c.cachedVersion(cached[0], &p)
			if known {
				found = append(found, v...)
				continue
			}
		}
		next, row, err := c.storedVersion(it, at, key)
		if err != nil {
			return nil, err
		}
		if next == at && row != nil {
			v, time, err := c.decode(row)
			if err != nil {
				return nil, err
			}
			found = append(found, version[V]{at, v, time})
		}
		if len(cached) > 0 && cached[0].start > at {
			next = min(next, cached[0].start)
		}
		if next > at {
			if next > to {
				break
			}
			at = next - 1 // the loop looks at next itself
		}
	}
	return found, nil
}

// cachedVersion is what the cache knows of the key in that segment.
func (c *cache[V, T]) cachedVersion(g *segment[T], p *probe) (known bool, v []version[V]) {
	i, hit := g.rows.find(p)
	if !hit {
		return g.complete, nil
	}
	s := &g.rows.slots[i]
	if s.absent() {
		return true, nil
	}
	return true, []version[V]{{g.start, c.load(g, &s.value), s.at}}
}

// storedVersion looks for the key in the backend's window at that start. next is that start if
// the backend has rows there at or after the key, else the next start it has rows of.
func (c *cache[V, T]) storedVersion(it iterator, at record.Time, key []byte) (next record.Time, row []byte, err error) {
	if !it.seek(c.key(at, key)) {
		return noFloor, nil, nil
	}
	next, found, err := c.split(it.key())
	if err != nil || next != at || !bytes.Equal(found, key) {
		return next, nil, err
	}
	return next, it.value(), nil
}
