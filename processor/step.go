package processor

import (
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

// Reason is why a record did not go on. Its text is the metric's and the dead letter's.
type Reason string

// The reasons.
const (
	NullKey          Reason = "null_key"           // the step needs a key
	NullValue        Reason = "null_value"         // the step needs a value
	NullPartitionKey Reason = "null_partition_key" // a repartition topic needs a key; Kafka Streams does not count it
	Late             Reason = "late"               // its window was closed
	Expired          Reason = "expired"            // a store refused a write of a processor: it is beyond its retention
	NegativeTime     Reason = "negative_timestamp" // its event time is before the epoch or was not found
	DecodeKey        Reason = "decode_key"         // its key's bytes do not decode
	DecodeValue      Reason = "decode_value"       // its value's bytes do not decode
	Encode           Reason = "encode"             // what was made of it does not encode
	Produce          Reason = "produce"            // brokers refuse for good what was made of it
	Process          Reason = "process"            // a user function returned an error or panicked
)

// Failure is what became of a record, for the error policy.
type Failure struct {
	Step      string // the step's name, as Describe prints it
	Reason    Reason
	Topic     string // where the record being processed came from
	Partition int32
	Offset    int64
	Err       error // nil where the reason says it all
}

// Host is what a step asks of the task it runs in. internal/reactor implements it.
type Host interface {
	// Fail hands the record being processed, which step could not handle, to the error policy.
	// Nil: the policy let it pass (counted, logged, perhaps dead-lettered), the step is done with
	// it. An error ends the task and must be returned at once.
	Fail(step *Step, reason Reason, err error) error
	// Outputs is where encoded records are put for the engine to produce.
	Outputs() *Outputs
	// Schedule has f called every d of the clock, until cancel or the end of the task; d is at least a
	// millisecond, or Schedule panics. at is what the clock shows. By stream time f is called after the
	// next record, then after each record that takes the clock to or beyond another multiple of d; by
	// the wall clock first d from now, then every d, whether there are records or not. What was missed
	// is not made up for. What f does belongs to a commit as what a record does; an abort forgets what was scheduled.
	// An error that f returns ends the task. cancel may be called within f, and again. Kafka:
	// ProcessorContext.schedule.
	Schedule(step *Step, d time.Duration, clock windowing.Clock, f func(at record.Time) error) (cancel func())
}

// Step is a step of the topology in its task: its name and its host.
type Step struct {
	Name string
	Host Host
}

// Fail is Host.Fail for this step.
func (s *Step) Fail(reason Reason, err error) error { return s.Host.Fail(s, reason, err) }

// Source reads one partition: it decodes its records and hands them to the steps behind.
type Source interface {
	// Load decodes raw and finds its event time. False: the record was dropped by policy.
	// partitionTime is the highest event time of the partition so far, -1 before the first.
	Load(raw *record.Raw, partitionTime record.Time) (at record.Time, ok bool, err error)
	// Emit hands the loaded record downstream. raw is the one given to Load.
	Emit() error
}

// NewSource makes a partition's Source: topic is the one that the partition is of.
type NewSource func(topic string) Source
