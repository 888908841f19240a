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

// output is the record that an operator emits: one per operator, used again for each record. Its
// key and value stand here because what asks whether they are null wants their address.
type output[K, V any] struct {
	key       K
	value     V
	nullKey   func(*K) bool // nil: no K is null
	nullValue func(*V) bool
	next      Emit[K, V]
	record    record.Record[K, V]
}

func outputTo[K, V any](next Emit[K, V]) *output[K, V] {
	return &output[K, V]{
		nullKey:   record.NullCheck[K](),
		nullValue: record.NullCheck[V](),
		next:      next,
	}
}

// emit hands on what stands in key and value.
func (o *output[K, V]) emit(at record.Time, h record.Headers) error {
	return o.emitKeyed(o.nullKey != nil && o.nullKey(&o.key), at, h)
}

// emitKeyed is emit where it is known whether the key is null.
func (o *output[K, V]) emitKeyed(noKey bool, at record.Time, h record.Headers) error {
	noValue := o.nullValue != nil && o.nullValue(&o.value)
	o.record = record.Make(o.key, noKey, o.value, noValue, at, h)
	return o.next(&o.record)
}

// emitTombstone hands on a null value.
func (o *output[K, V]) emitTombstone(key K, noKey bool, at record.Time, h record.Headers) error {
	var none V
	o.record = record.Make(key, noKey, none, true, at, h)
	return o.next(&o.record)
}
