package processor

import (
	"fmt"
	"reflect"

	"github.com/pitwheel/pitwheel/record"
)

// Emit hands a record downstream: the only edge between stream steps. The record is lent for the
// call: who keeps it copies it, and nobody changes it. An error ends the task; what concerns one
// record alone has gone to the error policy before.
type Emit[K, V any] func(r *record.Record[K, V]) error

// Change is one update of a table's row. Kafka: org.apache.kafka.streams.kstream.internals.Change.
type Change[K, V any] struct {
	Key            K
	New, Old       V // the zero value where there is none
	HasNew, HasOld bool
	Time           record.Time
	Headers        record.Headers
}

// EmitChange hands a table's update downstream, under the rules of Emit.
type EmitChange[K, V any] func(c *Change[K, V]) error

// Pass hands records on as they are: a merge, or a source whose records come from several topics.
func Pass[K, V any](next Emit[K, V]) Emit[K, V] { return next }

// FanOut hands each record to every child, in their order, until one returns an error. The
// children are each an Emit[K, V]; with none, records end here.
func FanOut[K, V any](children []any) Emit[K, V] {
	emits := emitsOf[Emit[K, V]](children)
	switch len(emits) {
	case 0:
		return func(*record.Record[K, V]) error { return nil }
	case 1:
		return emits[0]
	}
	return func(r *record.Record[K, V]) error {
		for _, emit := range emits {
			if err := emit(r); err != nil {
				return err
			}
		}
		return nil
	}
}

// FanOutChanges is FanOut for a table's updates: the children are each an EmitChange[K, V].
func FanOutChanges[K, V any](children []any) EmitChange[K, V] {
	emits := emitsOf[EmitChange[K, V]](children)
	switch len(emits) {
	case 0:
		return func(*Change[K, V]) error { return nil }
	case 1:
		return emits[0]
	}
	return func(c *Change[K, V]) error {
		for _, emit := range emits {
			if err := emit(c); err != nil {
				return err
			}
		}
		return nil
	}
}

// emitsOf asserts the children's type, once, when a task is bound. The topology is typed, so
// another type is a bug of its binding.
func emitsOf[E any](children []any) []E {
	emits := make([]E, len(children))
	for i, child := range children {
		emit, ok := child.(E)
		if !ok {
			panic(fmt.Sprintf("processor: child %d is bound as %T, its parent emits to %v",
				i, child, reflect.TypeFor[E]()))
		}
		emits[i] = emit
	}
	return emits
}

// ToStream makes a record of each update: a row that is gone is a tombstone.
// Kafka: KTable.toStream.
func ToStream[K, V any](next Emit[K, V]) EmitChange[K, V] {
	var out record.Record[K, V]
	return func(c *Change[K, V]) error {
		out = record.Make(c.Key, false, c.New, !c.HasNew, c.Time, c.Headers)
		return next(&out)
	}
}
