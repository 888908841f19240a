package processor

import (
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// Aggregate folds the records of each key into a row: add's answer for the row so far, or for
// zero's where there is none. A null answer deletes the row. A null key or value goes to the
// error policy. The row's time is the highest of its records'. As in Kafka Streams, a key's first
// update that is not cached has zero's answer for its old value. Kafka: KStreamAggregate.
func Aggregate[K, V, A any](
	step *Step, s *store.KeyValueStore[K, A],
	zero func() A, add func(K, V, A) A, out ChangeOut[K, A],
) Emit[K, V] {
	a := &aggregation[K, V, A]{step, s, foldFrom(zero, add), updatesTo(step, out)}
	return a.process
}

// Reduce is Aggregate whose row is a value: the first as it is, then what f makes of the row a
// and the value v. Kafka: KStreamReduce.
func Reduce[K, V any](
	step *Step, s *store.KeyValueStore[K, V], f func(k K, a, v V) V, out ChangeOut[K, V],
) Emit[K, V] {
	a := &aggregation[K, V, V]{step, s, foldValues(f), updatesTo(step, out)}
	return a.process
}

type aggregation[K, V, A any] struct {
	step *Step
	rows *store.KeyValueStore[K, A]
	fold fold[K, V, A]
	out  *updates[K, A]
}

func (a *aggregation[K, V, A]) process(r *record.Record[K, V]) error {
	switch {
	case !r.HasKey():
		return a.step.Fail(NullKey, nil)
	case r.IsTombstone():
		return a.step.Fail(NullValue, nil)
	}
	stored, at, has := a.rows.Find(r.Key())
	f, err := a.fold(r, stored, has)
	if err != nil {
		return a.step.Fail(Process, err)
	}
	c := a.out.make(r.Key(), f, rowTime(r.Time(), at, has), r.Headers())
	if c.HasNew {
		a.rows.Set(c.New, c.Time)
	} else {
		a.rows.Remove(r.Time())
	}
	return a.out.emit(stored, has, r.Time())
}

// rowTime is the time of a row that a record of that time has updated.
func rowTime(at, stored record.Time, has bool) record.Time {
	if has {
		return max(at, stored)
	}
	return at
}

// fold makes a row of the row so far and a record. The functions in it are the user's; what they
// panic with is the error.
type fold[K, V, A any] func(r *record.Record[K, V], stored A, has bool) (folded[A], error)

// folded is a row's update.
type folded[A any] struct {
	old, new A
	hasOld   bool
}

func foldFrom[K, V, A any](zero func() A, add func(K, V, A) A) fold[K, V, A] {
	return func(r *record.Record[K, V], stored A, has bool) (f folded[A], err error) {
		defer catch(&err)
		if !has {
			stored = zero()
		}
		return folded[A]{old: stored, new: add(r.Key(), r.Value(), stored), hasOld: true}, nil
	}
}

func foldValues[K, V any](reduce func(k K, a, v V) V) fold[K, V, V] {
	return func(r *record.Record[K, V], stored V, has bool) (f folded[V], err error) {
		defer catch(&err)
		if !has {
			return folded[V]{new: r.Value()}, nil
		}
		return folded[V]{old: stored, new: reduce(r.Key(), stored, r.Value()), hasOld: true}, nil
	}
}
