package processor

import (
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// AggregateSliding is Aggregate for each sliding window that holds a record's time. There is a window
// for each different set of a key's records that are at most the windows' size apart: a record at t
// goes into the windows that are there and hold t, and makes those that its coming makes different
// from others: the one that ends at t, the one that starts behind the record before it, and the one
// that starts behind t, if later records are there. A new window begins with the aggregate of the
// windows that its other records are in. Windows hold their end and take records until stream time
// minus grace is beyond it; a record fails as Late once if all its windows are closed, else for each
// that is. A null value fails too. Kafka: KStreamSlidingWindowAggregate (KIP-450).
func AggregateSliding[K, V, A any](
	step *Step, s *store.KeyedWindowStore[K, A], w WindowedConfig,
	zero func() A, add func(K, V, A) A, out ChangeOut[windowing.Key[K], A],
) Emit[K, V] {
	return newSliding(step, s, w, foldFrom(zero, add), out).process
}

// ReduceSliding is Reduce for each sliding window that holds a record's time, under the rules of
// AggregateSliding. Kafka: SlidingWindowedKStreamImpl.reduce.
func ReduceSliding[K, V any](
	step *Step, s *store.KeyedWindowStore[K, V], w WindowedConfig,
	f func(k K, a, v V) V, out ChangeOut[windowing.Key[K], V],
) Emit[K, V] {
	return newSliding(step, s, w, foldValues(f), out).process
}

type sliding[K, V, A any] struct {
	step  *Step
	rows  *store.KeyedWindowStore[K, A]
	size  record.Time // from a window's start to its end
	grace record.Time
	fold  fold[K, V, A]

	streamTime record.Time // the highest time seen; -1 before the first
	out        *updates[windowing.Key[K], A]
	closing    *timeClosing[K, A] // nil: the updates go out

	// Of the record being processed:
	r    *record.Record[K, V]
	near []store.WindowRow[A] // the key's windows that may hold it or its neighbours, by start
}

func newSliding[K, V, A any](
	step *Step, s *store.KeyedWindowStore[K, A], w WindowedConfig,
	f fold[K, V, A], out ChangeOut[windowing.Key[K], A],
) *sliding[K, V, A] {
	a := &sliding[K, V, A]{
		step:       step,
		rows:       s,
		size:       record.Time(w.Windows.Size() / time.Millisecond),
		grace:      record.Time(w.Windows.GracePeriod() / time.Millisecond),
		fold:       f,
		streamTime: -1,
		out:        updatesTo(step, out),
	}
	if out.OnClose != nil {
		a.closing = newTimeClosing[K](s, a.size, out)
	}
	return a
}

func (a *sliding[K, V, A]) process(r *record.Record[K, V]) error {
	switch {
	case !r.HasKey():
		return a.step.Fail(NullKey, nil)
	case r.IsTombstone():
		return a.step.Fail(NullValue, nil)
	}
	a.streamTime = max(a.streamTime, r.Time())
	a.r = r
	if end := a.end(r.Time()); end < a.closeTime() {
		return a.late(r.Time(), end)
	}
	if r.Time() < a.size {
		_, err := a.early()
		return err // as in Kafka Streams, which closes no windows here
	}
	failed, err := a.follow()
	if err != nil || failed || a.closing == nil {
		return err
	}
	return a.closing.emit(a.closeTime(), r.Headers())
}

// closeTime is the end that windows have at least that take records.
func (a *sliding[K, V, A]) closeTime() record.Time { return a.streamTime - a.grace }

// end is the end of the window that starts then.
func (a *sliding[K, V, A]) end(start record.Time) record.Time {
	return start + min(a.size, store.EndOfTime-start)
}

func (a *sliding[K, V, A]) late(start, end record.Time) error {
	return a.step.Fail(Late, &LateError{Start: start, End: end, HoldsEnd: true, StreamTime: a.streamTime})
}

// behind is where a window starts that holds what comes after t; at the end of time there is none.
func behind(t record.Time) (start record.Time, ok bool) { return t + 1, t < store.EndOfTime }

// follow updates and makes the windows of a record whose left window starts in time. The order is
// Kafka Streams': from the latest window to the earliest, then the new ones. Kafka Streams:
// KStreamSlidingWindowAggregate.processReverse.
func (a *sliding[K, V, A]) follow() (failed bool, err error) {
	t := a.r.Time()
	ending := t - a.size // the start of the window that ends at t
	a.look(max(0, t-2*a.size))
	right, hasRight := a.takeRight()
	var left *store.WindowRow[A] // the latest window before t
	previous := record.Time(-1)  // the time of the record before t
	ends := false                // the window that ends at t is there
	first := len(a.near)         // of the windows that were looked at
	for i := len(a.near) - 1; i >= 0 && left == nil; i-- {
		w := &a.near[i]
		switch {
		case w.Start > t:
		case w.Start < ending:
			left, previous = w, w.Time
			continue
		case w.Start == ending && w.Time >= t: // a record of this time made all there is to make
			return a.update(w.Start)
		default:
			if w.Start == ending {
				ends, previous = true, w.Time
			}
			if failed, err := a.update(w.Start); failed {
				return true, err
			}
		}
		first = i
	}
	if start := previous + 1; previous >= 0 && start >= ending && !starts(a.near[first:], start) {
		if failed, err := a.create(start, nil); failed {
			return true, err
		}
	}
	if !ends {
		if previous < ending {
			left = nil // its records are all too early
		}
		if failed, err := a.create(ending, left); failed {
			return true, err
		}
	}
	return false, a.makeRight(right, hasRight)
}

// early updates and makes the windows of a record that is earlier than the size of a window: it is in the
// window [0, size] with all that are. Kafka Streams: KStreamSlidingWindowAggregate.processEarly.
func (a *sliding[K, V, A]) early() (failed bool, err error) {
	t := a.r.Time()
	a.look(0)
	right, hasRight := a.takeRight()
	previous := record.Time(-1)
	for i := range a.near {
		switch w := &a.near[i]; {
		case w.Start == 0:
			if w.Time < t {
				previous = w.Time
			}
		case w.Start <= t:
			if failed, err := a.update(w.Start); failed {
				return failed, err
			}
		}
	}
	if err := a.makeRight(right, hasRight); err != nil {
		return true, err
	}
	if previous >= 0 && !starts(a.near, previous+1) {
		if failed, err := a.create(previous+1, nil); failed {
			return failed, err
		}
	}
	if starts(a.near, 0) {
		return a.update(0)
	}
	return a.create(0, nil)
}

// look finds the key's windows from that start up to the one that starts behind the record.
func (a *sliding[K, V, A]) look(from record.Time) {
	clear(a.near)
	to := a.r.Time()
	if start, ok := behind(to); ok {
		to = start
	}
	a.near = a.rows.Run(a.near[:0], a.r.Key(), from, to)
}

// starts says whether one of the windows starts then.
func starts[A any](windows []store.WindowRow[A], start record.Time) bool {
	return slices.ContainsFunc(windows, func(w store.WindowRow[A]) bool { return w.Start == start })
}

// takeRight is what the window behind the record begins with, if it is to be made: the aggregate of the
// latest window that holds the record, as long as the record is not in it, if it has later records.
func (a *sliding[K, V, A]) takeRight() (right store.WindowRow[A], ok bool) {
	t := a.r.Time()
	n := len(a.near)
	if n == 0 || a.near[n-1].Start > t {
		return right, false // none, or it is there
	}
	w := a.near[n-1]
	if w.Start <= t-a.size || w.Time <= t {
		return right, false
	}
	w.Value = a.rows.Detached(w.Value)
	return w, true
}

// makeRight makes the window behind the record.
func (a *sliding[K, V, A]) makeRight(right store.WindowRow[A], has bool) error {
	start, ok := behind(a.r.Time())
	if !has || !ok {
		return nil
	}
	stored, _, had := a.rows.Find(a.r.Key(), start)
	return a.put(start, folded[A]{new: right.Value}, right.Time, stored, had)
}

// update folds the record into the window that starts then and is there. If it failed, by an error
// too, the step is done with the record.
func (a *sliding[K, V, A]) update(start record.Time) (failed bool, err error) {
	return a.into(start, true, nil)
}

// create makes the window that starts then, of from's aggregate, if there is one, and the record. It may
// have been made by this record before, as the one behind the record before it: then it is made again, as
// in Kafka Streams.
func (a *sliding[K, V, A]) create(start record.Time, from *store.WindowRow[A]) (failed bool, err error) {
	return a.into(start, false, from)
}

// into folds the record into a window.
func (a *sliding[K, V, A]) into(start record.Time, there bool, from *store.WindowRow[A]) (failed bool, err error) {
	end := a.end(start)
	if end < a.closeTime() {
		err := a.late(start, end)
		return err != nil, err
	}
	stored, at, had := a.rows.Find(a.r.Key(), start)
	var base A
	has := true
	switch {
	case there && had:
		base = stored
	case from != nil:
		base, at = a.rows.Detached(from.Value), a.r.Time()
	default:
		has, at = false, a.r.Time()
	}
	f, err := a.fold(a.r, base, has)
	if err != nil {
		return true, a.step.Fail(Process, err)
	}
	err = a.put(start, f, max(a.r.Time(), at), stored, had)
	return err != nil, err
}

// put writes the window at the store's cursor and hands the update on. stored is what it was.
func (a *sliding[K, V, A]) put(start record.Time, f folded[A], at record.Time, stored A, had bool) error {
	key := windowing.Key[K]{Key: a.r.Key(), Start: start, End: a.end(start)}
	c := a.out.make(key, f, at, a.r.Headers())
	if c.HasNew {
		a.rows.Set(c.New, c.Time)
	} else {
		a.rows.Remove(a.r.Time())
	}
	if a.closing != nil {
		a.closing.wrote(start)
		return nil
	}
	return a.out.emit(stored, had, a.r.Time())
}
