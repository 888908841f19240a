package processor

import (
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
