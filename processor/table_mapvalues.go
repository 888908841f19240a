package processor

import "github.com/pitwheel/pitwheel/record"

// MapTableValues makes another value of each row; a deletion is one, and so is a null answer. f is called
// for values, never for a deletion, and with old, because old values were asked for, for the value before
// too. Kafka: KTableMapValues.
func MapTableValues[K, V, V2 any](
	step *Step, f func(K, V) V2, old bool, next EmitChange[K, V2],
) EmitChange[K, V] {
	m := &tableMapValues[K, V, V2]{step: step, f: f, old: old, nulls: record.NullsOf[V2](), next: next}
	return m.process
}

type tableMapValues[K, V, V2 any] struct {
	step   *Step
	f      func(K, V) V2
	old    bool
	nulls  record.Nulls[V2]
	next   EmitChange[K, V2]
	change Change[K, V2]
}

func (m *tableMapValues[K, V, V2]) process(c *Change[K, V]) error {
	u := &m.change
	*u = Change[K, V2]{Key: c.Key, Time: c.Time, Headers: c.Headers}
	if err := m.compute(u, c); err != nil {
		return m.step.Fail(Process, err)
	}
	return m.next(u)
}

func (m *tableMapValues[K, V, V2]) compute(u *Change[K, V2], c *Change[K, V]) (err error) {
	defer catch(&err)
	if c.HasNew {
		u.New = m.f(c.Key, c.New)
		u.HasNew = !m.nulls.Has(&u.New)
	}
	if m.old && c.HasOld {
		u.Old = m.f(c.Key, c.Old)
		u.HasOld = !m.nulls.Has(&u.Old)
	}
	return nil
}
