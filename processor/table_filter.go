package processor

import (
	"github.com/pitwheel/pitwheel/store"
)

// FilterTable makes a table of the rows that keep answers true to: an update to a row that it does
// not keep is a deletion. keep is called for values, never for a deletion. With old, because old
// values were asked for or because the table before keeps rows, an update of what was not there
// and is not there does not go on. Rows, if not nil, holds the rows that are kept.
// Kafka: KTableFilter.
func FilterTable[K, V any](
	step *Step, keep func(K, V) bool, rows *store.KeyValueStore[K, V], old bool, out ChangeOut[K, V],
) EmitChange[K, V] {
	f := &tableFilter[K, V]{step, keep, true, rows, old, updatesTo(step, out)}
	return f.process
}

// FilterNotTable is FilterTable for the rows that drop answers false to.
func FilterNotTable[K, V any](
	step *Step, drop func(K, V) bool, rows *store.KeyValueStore[K, V], old bool, out ChangeOut[K, V],
) EmitChange[K, V] {
	f := &tableFilter[K, V]{step, drop, false, rows, old, updatesTo(step, out)}
	return f.process
}

type tableFilter[K, V any] struct {
	step *Step
	test func(K, V) bool
	want bool
	rows *store.KeyValueStore[K, V] // nil: none are kept
	old  bool
	out  *updates[K, V]
}

func (f *tableFilter[K, V]) process(c *Change[K, V]) error {
	u := &f.out.change
	*u = Change[K, V]{Key: c.Key, Time: c.Time, Headers: c.Headers}
	if err := f.compute(u, c); err != nil {
		return f.step.Fail(Process, err)
	}
	if f.rows == nil {
		if f.old && !u.HasNew && !u.HasOld {
			return nil
		}
		return f.out.next(u)
	}
	stored, _, has := f.rows.Find(c.Key)
	if f.old {
		u.Old, u.HasOld = stored, has
		if !u.HasNew && !has {
			return nil
		}
	}
	if u.HasNew {
		f.rows.Set(u.New, u.Time)
	} else {
		f.rows.Remove(u.Time)
	}
	return f.out.emit(stored, has, u.Time)
}

// compute fills in the new value and, where the rows do not say it, the old one.
func (f *tableFilter[K, V]) compute(u, c *Change[K, V]) (err error) {
	defer catch(&err)
	if c.HasNew && f.test(c.Key, c.New) == f.want {
		u.New, u.HasNew = c.New, true
	}
	if f.old && f.rows == nil && c.HasOld && f.test(c.Key, c.Old) == f.want {
		u.Old, u.HasOld = c.Old, true
	}
	return nil
}
