package processor

import (
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// ChangeOut is how a step that makes a table hands on its updates. Only Next must be set: then
// every update goes on at once. Cached holds updates back until the commit, OnClose holds windows
// back until they are closed; at most one of the two is set.
type ChangeOut[K, A any] struct {
	// Next takes the results.
	Next EmitChange[K, A]
	// Cached is Kafka Streams' record cache (statestore.cache.max.bytes); nil: no cache.
	Cached *Cached[K]
	// OnClose emits each window once, when it is closed; nil: not. Windowed aggregations only.
	// Kafka: EmitStrategy.onWindowClose.
	OnClose *OnClose

	shared *recordCache[K, A] // in place of Cached
}

// Shared is out for several steps that write one store: they share its record cache, which emits
// for step. Kafka: the aggregations of a cogroup, KTablePassThrough.
func (out ChangeOut[K, A]) Shared(step *Step) ChangeOut[K, A] {
	if out.Cached != nil {
		out.shared = newRecordCache(step, out.Cached, out.Next)
		out.Cached = nil
	}
	return out
}

// Cached holds a table's updates back and emits the last one per key when the engine
// flushes, before each commit. They come in the order of each key's last update, with the time and
// headers of the record that made it; the old value is what the table held before the first
// update held back. A row that came and went in between is not emitted at all. An aggregate that
// its function changes in place is its own old value, cached or not.
//
// What is held back is in the store's dirty set too, so the store's budget, which makes the engine
// commit early, bounds it.
type Cached[K any] struct {
	// Key gives the bytes that tell keys apart (design D3).
	Key serde.Serde[K]
	// OnFlush registers what emits the updates held back: plan.Binder.OnFlush. The engine must
	// flush a step before the steps behind it, whose updates it makes.
	OnFlush func(flush func() error)
}

// OnClose emits windows when they are closed.
type OnClose struct {
	// Mark is up to where windows have been closed: the close time (stream time minus grace) of
	// the last emission, -1 before the first. It is committed with the offsets, so that a restart
	// emits no window twice: plan.Binder.Mark. It may be set after binding, until the first
	// record. Kafka: ProcessorMetadata.
	Mark *record.Time
}

// updates is where an aggregation's updates go: on, or into the record cache.
type updates[K, A any] struct {
	next   EmitChange[K, A]
	cache  *recordCache[K, A] // nil: on
	nulls  record.Nulls[A]
	change Change[K, A] // the one being made, used again
}

func updatesTo[K, A any](step *Step, out ChangeOut[K, A]) *updates[K, A] {
	if out.Cached != nil && out.OnClose != nil {
		panic("processor: " + step.Name + ": what is emitted on close is not cached too")
	}
	u := &updates[K, A]{next: out.Next, cache: out.shared, nulls: record.NullsOf[A]()}
	if out.Cached != nil {
		u.cache = newRecordCache(step, out.Cached, out.Next)
	}
	return u
}

// make makes the update of key's row that f is, and returns it: the row is still to be written.
func (u *updates[K, A]) make(key K, f folded[A], at record.Time, h record.Headers) *Change[K, A] {
	c := &u.change
	c.Key, c.New, c.Old, c.Time, c.Headers = key, f.new, f.old, at, h
	c.HasNew = !u.nulls.Has(&f.new)
	c.HasOld = f.hasOld && !u.nulls.Has(&f.old)
	return c
}

// latest makes the update that a record is of a row, as far as the record says it.
func (u *updates[K, A]) latest(r *record.Record[K, A]) *Change[K, A] {
	c := &u.change
	*c = Change[K, A]{
		Key: r.Key(), New: r.Value(), HasNew: !r.IsTombstone(), Time: r.Time(), Headers: r.Headers(),
	}
	return c
}

// emit hands on the update that was made, or holds it back. stored is what the table held before;
// written is the time of the record, which a cached deletion has as its own, since no row is left
// to take a time from.
func (u *updates[K, A]) emit(stored A, has bool, written record.Time) error {
	if u.cache == nil {
		return u.next(&u.change)
	}
	if !u.change.HasNew {
		u.change.Time = written
	}
	return u.cache.hold(&u.change, stored, has)
}
