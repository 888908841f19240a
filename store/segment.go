package store

import (
	"github.com/google/btree"

	"github.com/pitwheel/pitwheel/record"
)

// segment is the cached part of a store that goes and comes as one: a window's rows, or all of a
// key-value store's (then its start is 0).
type segment[T any] struct {
	start  record.Time
	rows   table[T]
	values arena // where values stand that are strings or byte slices

	// complete says that what is not in rows is not in the backend either. See invariant S5.
	complete bool
	dirty    []uint32 // the slots written in the current generation

	frozenGen uint32 // the last generation that froze rows of this segment
	frozen    int    // at most how many rows are frozen and not applied, if frozenGen is not applied

	index *btree.BTreeG[fullRank] // keys in order; nil until a range is asked for
	whole bool                    // the index has all keys, which complete must say too; else those not applied
	epoch uint64                  // when it was last used, in calls of Trim
	hand  int                     // where the sweep for slots to evict goes on
	gauge *int64
}

// segmentBytes is about what an empty segment takes besides its slots.
const segmentBytes = 320

func newSegment[T any](start record.Time, gauge *int64) *segment[T] {
	*gauge += segmentBytes
	return &segment[T]{
		start:  start,
		rows:   newTable[T](tableMin, gauge),
		values: arena{gauge: gauge},
		gauge:  gauge,
	}
}

// clean says that everything in it is applied.
func (g *segment[T]) clean(applied uint32) bool { return len(g.dirty) == 0 && g.frozenGen <= applied }

// unapplied is at most how many rows are not applied.
func (g *segment[T]) unapplied(applied uint32) int {
	if g.frozenGen <= applied {
		return len(g.dirty)
	}
	return len(g.dirty) + g.frozen
}

// insert puts p's key into the free slot i that find gave, making room first if need be.
func (g *segment[T]) insert(i int, p *probe, gens generations) (int, *slot[T]) {
	if g.rows.full() {
		g.makeRoom(gens)
		i, _ = g.rows.find(p)
	}
	return i, g.rows.insert(i, p)
}

// makeRoom grows the table by half, unless dropping the rows that are known to be absent, which
// completeness or the backend will say again, makes room enough.
func (g *segment[T]) makeRoom(gens generations) {
	spare := 0
	for i := range g.rows.slots {
		if g.droppable(&g.rows.slots[i], gens) {
			spare++
		}
	}
	capacity := len(g.rows.slots)
	if spare < capacity/4 {
		capacity += capacity / 2
	}
	g.rebuild(capacity, gens, func(s *slot[T]) bool { return !g.droppable(s, gens) })
}

// droppable rows can go without a loss: they say of an applied row that it is absent, and nobody
// asked for it since the last look.
func (g *segment[T]) droppable(s *slot[T], gens generations) bool {
	if s.free() || !s.absent() || s.gen() > gens.applied {
		return false
	}
	return g.complete || s.meta&usedBit == 0
}

// rebuild moves the rows that keep accepts to a table of that capacity, and the list of dirty
// ones with them. It does not touch values.
func (g *segment[T]) rebuild(capacity int, gens generations, keep func(*slot[T]) bool) {
	if g.whole {
		g.dropIndex()
	}
	old := g.rows
	g.dirty = g.dirty[:0]
	g.rows = old.rebuilt(capacity, keep, func(i int, s *slot[T]) {
		if s.gen() == gens.current {
			g.dirty = append(g.dirty, uint32(i))
		}
		if s.absent() && !g.complete {
			s.meta &^= usedBit
		}
	})
	g.hand = 0
	old.drop()
}

// compactValues copies the values that are still wanted to a new arena. Views into the old one
// stay good: they keep its chunks.
func compactValues(g *segment[place]) {
	to := arena{gauge: g.gauge}
	for i := range g.rows.slots {
		s := &g.rows.slots[i]
		if s.free() || s.absent() {
			continue
		}
		s.value = addTo(&to, g.values.at(s.value))
	}
	g.values.drop()
	g.values = to
}

// drop gives back what the segment was charged for.
func (g *segment[T]) drop() {
	g.dropIndex()
	g.rows.drop()
	g.values.drop()
	*g.gauge -= segmentBytes
}
