package store

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/pitwheel/pitwheel/record"
)

// Committed is the rows of one store of a space that were applied: what is committed. It is for any
// goroutine, while the space's own goes on; no look at it waits for a step, or a step for it. Once
// the space is closed its methods return ErrClosed.
type Committed struct {
	gate *gate
	of   origin // what never changes of it
}

// Committed is for reading a store of the space; nil if none of that name is open. It is called
// after the stores were opened, and may be by any goroutine.
func (s *Space) Committed(store string) *Committed {
	c := s.byName[store]
	if c == nil || c.core().base == nil {
		return nil
	}
	o := c.core()
	return &Committed{gate: &s.gate, of: origin{
		name: o.name, base: o.base, prefix: o.prefix, layout: o.layout, windowed: o.windowed,
		keep: o.keep, interval: o.interval,
	}}
}

// gate lets readers into a space until it closes.
type gate struct {
	mu     sync.RWMutex
	closed bool
	walks  map[*walk]bool
}

// enter lets a short look at the space in; leave must follow if there is no error.
func (g *gate) enter() error {
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return ErrClosed
	}
	return nil
}

func (g *gate) leave() { g.mu.RUnlock() }

// close waits for the short looks, ends the walks and lets nobody in any more.
func (g *gate) close() (err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for w := range g.walks {
		err = errors.Join(err, w.end(ErrClosed))
	}
	g.walks = nil
	return err
}

// look has f read the rows as of one moment.
func (c *Committed) look(f func(o *origin, v view) error) (err error) {
	if err := c.gate.enter(); err != nil {
		return err
	}
	defer c.gate.leave()
	v, err := c.of.base.view()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	o := c.of // with room of its own for keys
	return f(&o, v)
}

// reached is the highest start, or versions' from, that was committed; -1: none.
func (o *origin) reached(v view) (record.Time, error) {
	if !o.layout.timed() {
		return -1, nil
	}
	return readMaxStart(v, o.name)
}

// committedRow is a row, whose bytes are the reader's.
type committedRow struct {
	rowID
	at    record.Time
	value []byte
}

// row reads one row.
func (c *Committed) row(id rowID) (row committedRow, ok bool, err error) {
	err = c.look(func(o *origin, v view) error {
		if o.windowed {
			highest, err := o.reached(v)
			if err != nil || id.start < o.visibleFrom(highest) {
				return err
			}
		}
		stored, found, err := v.get(o.key(o.segmentOf(id.start), o.localKey(id)))
		if err != nil || !found {
			return err
		}
		row, ok = committedRow{rowID: id}, true
		row.at, row.value, err = splitRow(stored)
		return err
	})
	return row, ok && err == nil, err
}

// walk is a walk over the rows as of its beginning. Between two pages it can be ended by the space.
type walk struct {
	of   *Committed
	o    origin
	plan walkPlan

	mu    sync.Mutex
	v     view
	it    iterator
	ended error // why there is no more
}

// walkPlan is which rows a walk is of.
type walkPlan struct {
	from, to []byte // bounds in the backend
	// move goes to the next row; first says that it is the first move.
	move func(it iterator, first bool) bool
	// want chooses rows; nil: all.
	want func(id rowID) bool
}

const (
	walkRows  = 128
	walkBytes = 64 << 10
)

var errWalked = errors.New("store: a walk is over")

// each walks over rows, as of one moment, a page of them at a time: only while a page is read does a
// space that closes wait. plan says which rows, given the highest start or from.
func (c *Committed) each(
	ctx context.Context, plan func(o *origin, highest record.Time) (walkPlan, bool), yield func(committedRow) bool,
) (err error) {
	w, err := c.begin(plan)
	if w == nil || err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.finish()) }()
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, err := w.page(first)
		for i := range page {
			if !yield(page[i]) {
				return nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if errors.Is(err, errWalked) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// begin opens a walk; nil: there is nothing to walk over.
func (c *Committed) begin(plan func(o *origin, highest record.Time) (walkPlan, bool)) (w *walk, err error) {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if c.gate.closed {
		return nil, ErrClosed
	}
	w = &walk{of: c, o: c.of}
	if w.v, err = c.of.base.view(); err != nil {
		return nil, err
	}
	highest, err := w.o.reached(w.v)
	ok := false
	if err == nil {
		w.plan, ok = plan(&w.o, highest)
	}
	if ok && err == nil {
		w.it, err = w.v.iterate(w.plan.from, w.plan.to)
	}
	if !ok || err != nil {
		return nil, errors.Join(err, w.v.close())
	}
	if c.gate.walks == nil {
		c.gate.walks = map[*walk]bool{}
	}
	c.gate.walks[w] = true
	return w, nil
}

// page reads some rows. The error errWalked says that these are the last.
func (w *walk) page(first bool) (page []committedRow, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended != nil {
		return nil, w.ended
	}
	for moves, size := 0, 0; moves < walkRows && size < walkBytes; first = false {
		moves++
		if !w.plan.move(w.it, first) {
			return page, errWalked
		}
		row, err := w.read()
		if err != nil {
			return page, err
		}
		if w.plan.want == nil || w.plan.want(row.rowID) {
			page = append(page, row)
			size += len(row.key) + len(row.value)
		}
	}
	return page, nil
}

func (w *walk) read() (row committedRow, err error) {
	segment, local, err := w.o.split(w.it.key())
	if err != nil {
		return row, err
	}
	id, err := w.o.rowOf(segment, local)
	if err != nil {
		return row, err
	}
	id.key = bytes.Clone(id.key)
	at, value, err := splitRow(w.it.value())
	return committedRow{id, at, append([]byte{}, value...)}, err
}

// finish ends the walk, unless the space has. It holds the gate, so that the space is not closed before
// the walk has given back what it holds.
func (w *walk) finish() error {
	g := w.of.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.walks, w)
	return w.end(errWalked)
}

// end gives back what the walk holds, once.
func (w *walk) end(why error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended != nil {
		return nil
	}
	w.ended = why
	return errors.Join(w.it.close(), w.v.close())
}
