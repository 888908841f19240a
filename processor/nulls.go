package processor

import "github.com/pitwheel/pitwheel/record"

// inputNulls says what an operator's function may see: a null only where the type holds it. The
// rules are in docs/nulls.md.
type inputNulls[K, V any] struct {
	step       *Step
	keyHolds   bool
	valueHolds bool
}

func nullsOf[K, V any](step *Step) inputNulls[K, V] {
	return inputNulls[K, V]{step, record.CanBeNull[K](), record.CanBeNull[V]()}
}

// shows says whether a function of K and V can see the record as it is.
func (n *inputNulls[K, V]) shows(r *record.Record[K, V]) bool {
	return n.showsKey(r) && n.showsValue(r)
}

func (n *inputNulls[K, V]) showsKey(r *record.Record[K, V]) bool {
	return n.keyHolds || r.HasKey()
}

func (n *inputNulls[K, V]) showsValue(r *record.Record[K, V]) bool {
	return n.valueHolds || !r.IsTombstone()
}

// fail hands a record that the function cannot see to the error policy.
func (n *inputNulls[K, V]) fail(r *record.Record[K, V]) error {
	if !n.showsKey(r) {
		return n.step.Fail(NullKey, nil)
	}
	return n.step.Fail(NullValue, nil)
}

// output is the record that an operator emits: one per operator, used again for each record.
type output[K, V any] struct {
	keys   record.Nulls[K]
	values record.Nulls[V]
	next   Emit[K, V]
	record record.Record[K, V]
}

func outputTo[K, V any](next Emit[K, V]) *output[K, V] {
	return &output[K, V]{keys: record.NullsOf[K](), values: record.NullsOf[V](), next: next}
}

// emit hands on what a function made of a record, with the record's time and headers.
func (o *output[K, V]) emit(key K, value V, at record.Time, h record.Headers) error {
	o.record = record.Make(key, o.keys.Has(&key), value, o.values.Has(&value), at, h)
	return o.next(&o.record)
}

// emitValue is emit where the key, with its null, is the record's.
func (o *output[K, V]) emitValue(key K, noKey bool, value V, at record.Time, h record.Headers) error {
	o.record = record.Make(key, noKey, value, o.values.Has(&value), at, h)
	return o.next(&o.record)
}

// emitTombstone is emitValue of a null.
func (o *output[K, V]) emitTombstone(key K, noKey bool, at record.Time, h record.Headers) error {
	var none V
	o.record = record.Make(key, noKey, none, true, at, h)
	return o.next(&o.record)
}
