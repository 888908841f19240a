package store

import (
	"fmt"

	"github.com/pitwheel/pitwheel/internal/planted"
)

// Freeze ends the current generation of writes and encodes it. Writes go on in the next one. It
// never returns nil; after a failure, which Err tells, the generation is not whole and must not be
// committed.
func (s *Space) Freeze() *Frozen {
	if s.gens.current >= lastGeneration && s.gens.applied == s.gens.current-1 {
		s.renumber()
	}
	f := &Frozen{generation: s.gens.current}
	for _, c := range s.stores {
		if s.Err() != nil {
			return f
		}
		if part, ok := c.freeze(); ok {
			f.Stores = append(f.Stores, part)
		}
	}
	s.charge()
	if len(f.Stores) == 0 {
		// Nothing was written: no generation, so nothing that has to be applied or aborted.
		return &Frozen{}
	}
	s.gens.current++
	return f
}

// renumber starts the generations anew. Nothing is frozen and not applied.
func (s *Space) renumber() {
	by := s.gens.applied
	for _, c := range s.stores {
		c.renumber(by)
	}
	s.gens.current -= by
	s.gens.applied -= by
}

// Apply writes a generation to the backend, together with the checkpoint reached: all of it or,
// after a crash, nothing. Generations are applied in the order they were frozen. Positions that c
// does not name stay. A nil f is an empty one: only the checkpoint is written.
//
// Stores in memory, in a space on disk, are written after the others, which may fail.
func (s *Space) Apply(f *Frozen, c Checkpoint) error {
	if err := s.Err(); err != nil {
		return err
	}
	if f == nil || len(f.Stores) == 0 {
		f = &Frozen{generation: s.gens.applied}
	} else if f.generation != s.gens.applied+1 || f.generation == s.gens.current {
		err := fmt.Errorf("store: generation %d was applied out of order or after an abort: %d is the last, %d not frozen",
			f.generation, s.gens.applied, s.gens.current)
		s.fail(err)
		return err
	}
	if err := s.write(f, c); err != nil {
		s.fail(err)
		return err
	}
	s.gens.applied = f.generation
	for i := range f.Stores {
		s.byName[f.Stores[i].Name].settle(&f.Stores[i])
	}
	s.charge()
	return nil
}

// write makes one batch for each backend and applies them.
func (s *Space) write(f *Frozen, c Checkpoint) error {
	for _, b := range s.bases() {
		cp := b.cp.clone()
		cp.Seq, cp.At = c.Seq, c.At
		for name, position := range c.Positions {
			if s.baseOf(name) == b {
				cp.Positions[name] = position
			}
		}
		if planted.CheckpointFirst {
			first := b.begin()
			first.set(metaKey(checkpointTag, ""), cp.row())
			if err := first.apply(); err != nil {
				return err
			}
		}
		batch := b.begin()
		for i := range f.Stores {
			if o := s.byName[f.Stores[i].Name].core(); o.base == b {
				o.write(batch, &f.Stores[i])
			}
		}
		batch.set(metaKey(checkpointTag, ""), cp.row())
		if err := batch.apply(); err != nil {
			return err
		}
		b.cp, b.fresh = cp, false
	}
	return nil
}

func (s *Space) bases() []*base {
	if s.volatile == nil {
		return []*base{s.primary}
	}
	return []*base{s.primary, s.volatile}
}

// baseOf is where the store of that name is; the first for one that is not open.
func (s *Space) baseOf(name string) *base {
	if c := s.byName[name]; c != nil {
		return c.core().base
	}
	return s.primary
}

// Abort drops every write that is not applied, frozen or not, and all that is cached.
func (s *Space) Abort() {
	s.gens.applied = s.gens.current
	s.gens.current++
	for _, c := range s.stores {
		c.abort()
	}
	s.charge()
}

// Clear removes all rows of a store, applied and not, and its position: it is as if it had just been
// made.
func (s *Space) Clear(store string) error {
	if err := s.Err(); err != nil {
		return err
	}
	c := s.byName[store]
	if c == nil {
		return fmt.Errorf("store: clear %q: there is no such store open", store)
	}
	o := c.core()
	cp := o.base.cp.clone()
	delete(cp.Positions, store)
	b := o.base.begin()
	b.removeRange(o.prefix, prefixEnd(o.prefix))
	if o.layout.timed() {
		b.remove(metaKey(maxStartTag, store))
	}
	if x := o.index; x != nil {
		b.removeRange(x.prefix, prefixEnd(x.prefix))
		b.remove(metaKey(maxStartTag, x.name))
	}
	b.set(metaKey(checkpointTag, ""), cp.row())
	if err := b.apply(); err != nil {
		s.fail(err)
		return err
	}
	o.applied = reach{max: -1}
	o.base.cp = cp
	c.restored()
	if o.index != nil {
		o.index.applied = reach{max: -1}
		s.byName[o.index.name].restored()
	}
	return nil
}

// Restore writes rows of a store's changelog to the backend, in their order, with the offset up to
// which the store is then complete. Nothing of the store may be written and not applied. The same
// rows twice give the same state.
func (s *Space) Restore(store string, rows []FrozenEntry, position int64) error {
	if err := s.Err(); err != nil {
		return err
	}
	c := s.byName[store]
	if c == nil {
		return fmt.Errorf("store: restore %q: there is no such store open", store)
	}
	o := c.core()
	cp := o.base.cp.clone()
	cp.Positions[store] = position
	b := o.base.begin()
	to, err := o.restore(b, rows)
	var indexed reach
	if err == nil && o.index != nil {
		indexed, err = o.restoreIndex(b, rows)
	}
	if err != nil {
		s.fail(err)
		return err
	}
	b.set(metaKey(checkpointTag, ""), cp.row())
	if err := b.apply(); err != nil {
		s.fail(err)
		return err
	}
	o.applied = to
	o.base.cp, o.base.fresh = cp, false
	c.restored()
	if o.index != nil {
		o.index.applied = indexed
		s.byName[o.index.name].restored()
	}
	return nil
}
