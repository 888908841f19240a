package processor

import (
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// TableSource reads records as a table's updates: the latest of each key is its row, a null value
// deletes it, even one that is not there. A null key goes to the error policy. An update that is
// older than the row is applied like any other. With rows nil the table is kept nowhere, and its
// updates come without old values. Kafka: KTableSource.
func TableSource[K, V any](
	step *Step, rows *store.KeyValueStore[K, V], out ChangeOut[K, V],
) Emit[K, V] {
	s := &tableSource[K, V]{step, rows, updatesTo(step, out)}
	if rows == nil {
		return s.pass
	}
	return s.keep
}

type tableSource[K, V any] struct {
	step *Step
	rows *store.KeyValueStore[K, V]
	out  *updates[K, V]
}

// pass hands updates on without keeping rows.
func (s *tableSource[K, V]) pass(r *record.Record[K, V]) error {
	if !r.HasKey() {
		return s.step.Fail(NullKey, nil)
	}
	return s.out.next(s.out.latest(r))
}

// keep keeps the row and hands the update on.
func (s *tableSource[K, V]) keep(r *record.Record[K, V]) error {
	if !r.HasKey() {
		return s.step.Fail(NullKey, nil)
	}
	stored, _, has := s.rows.Find(r.Key())
	c := s.out.latest(r)
	if has {
		c.Old, c.HasOld = stored, true
	}
	if c.HasNew {
		s.rows.Set(c.New, c.Time)
	} else {
		s.rows.Remove(c.Time)
	}
	return s.out.emit(stored, has, c.Time)
}
