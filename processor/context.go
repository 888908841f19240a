package processor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/pitwheel/pitwheel/internal/graph"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

// Func sees every record of a task, nulls too: the record tells. An error, or a panic, is the
// record's: it goes to the error policy, reason "process". Kafka: Processor.process.
type Func[K, V any] = func(r record.Record[K, V]) error

// ValueFunc is Func for a processor that cannot change keys. Kafka: FixedKeyProcessor.process.
type ValueFunc[K, V any] = func(r record.FixedKey[K, V]) error

// Setup makes a processor's function, once per task, when the task's stores hold what is committed,
// and once more after each abort, which drops what the function had kept to itself. It opens what it
// needs with the context, which the function holds. An error ends the task. It also runs once when an
// app is made, in a trial with empty stores, so that mistakes show before anything is processed. Kafka:
// ProcessorSupplier, Processor.init.
type Setup[K, V, K2, V2 any] func(c *Context[K2, V2]) (Func[K, V], error)

// ValueSetup is Setup for a processor that cannot change keys. Kafka: FixedKeyProcessorSupplier.
type ValueSetup[K, V, V2 any] func(c *ValueContext[K, V2]) (ValueFunc[K, V], error)

// GlobalSetup is Setup for a processor that forwards nothing.
type GlobalSetup[K, V any] func(c *Task) (Func[K, V], error)

// Record is record.Record, so that a processor needs no other import.
type Record[K, V any] = record.Record[K, V]

// FixedKey is record.FixedKey.
type FixedKey[K, V any] = record.FixedKey[K, V]

// Time is record.Time, milliseconds since the epoch.
type Time = record.Time

// Clock is what Every follows.
type Clock = windowing.Clock

// The clocks.
const (
	StreamTime = windowing.StreamTime // the highest event time that the task has processed
	WallClock  = windowing.WallClock  // the machine's, or the test's
)

// Context is a processor's side of its task: K and V are what it forwards. It belongs to the task's
// goroutine. Kafka: processor.api.ProcessorContext.
type Context[K, V any] struct {
	task
	out outlet[K, V]
}

// Forward hands r downstream, before it returns. It returns nothing: a step behind that fails is that
// step's, by its error policy. It may be called while a record is processed and in a punctuation. A time
// before the epoch is an error of the record being processed, as one that the function returns.
func (c *Context[K, V]) Forward(r record.Record[K, V]) { c.out.emit(r) }

// ValueContext is the Context of a processor that cannot change keys: K is that of its input. Kafka:
// FixedKeyProcessorContext.
type ValueContext[K, V any] struct {
	task
	out outlet[K, V]
}

// Forward hands r downstream, as Context.Forward does.
func (c *ValueContext[K, V]) Forward(r record.FixedKey[K, V]) { c.out.emit(record.Free(r)) }

// Task is the context of a processor that forwards nothing.
type Task struct{ task }

// Metadata is where the record being processed was read. Kafka: RecordMetadata.
type Metadata struct {
	Topic     string
	Partition int32
	Offset    int64
}

// task has what all contexts share.
type task struct {
	env    Environment
	stage  stage
	failed error // of a step behind, or a misuse: it ends the task
}

// stage says what a processor is doing, and so what it may do.
type stage uint8

const (
	settingUp stage = iota
	idle
	working // on a record, or in a punctuation
)

// Context is done when the task ends here or is set up anew.
func (t *task) Context() context.Context { return t.env.Task.Context() }

// ID is the task's: "subtopology_partition", as in Kafka Streams' logs.
func (t *task) ID() record.TaskID { return t.env.Task.ID() }

// Logger is the app's, with the task and the step.
func (t *task) Logger() *slog.Logger {
	return t.env.Task.Logger().With("task", t.ID().String(), "step", t.env.Step.Name)
}

// Metadata is of the record being processed. ok is false where it is none that was just read: in a
// set-up, in a punctuation, and for what a record cache had held back until the commit.
func (t *task) Metadata() (m Metadata, ok bool) { return t.env.Task.Metadata() }

// StreamTime is the highest event time that the task has processed; -1 before the first. Kafka:
// currentStreamTimeMs.
func (t *task) StreamTime() record.Time { return t.env.Task.StreamTime() }

// WallClock is the machine's clock, or the test's. Kafka: currentSystemTimeMs.
func (t *task) WallClock() record.Time { return t.env.Task.WallClock() }

// Every calls f every d of the clock, from now until cancel or the end of the task; at is what the clock
// shows, for f is called late where the clock jumps, and once for all it missed. By stream time the next
// record calls it, then each that takes the clock to another multiple of d; by the wall clock it is
// called first d from now. It may be called in the set-up, for a record and in a punctuation; d is at least
// a millisecond. It is not durable: what is set up again schedules again. f may forward. An error, or a
// panic, of f goes to the error policy, reason "process", though there is no record to dead-letter.
// cancel may be called in f, and again. Kafka: ProcessorContext.schedule.
func (t *task) Every(d time.Duration, clock Clock, f func(at record.Time) error) (cancel func()) {
	switch {
	case d < time.Millisecond:
		panic(t.misuse("schedules something every %v: it must be at least a millisecond", d))
	case clock != StreamTime && clock != WallClock:
		panic(t.misuse("schedules something by clock %d: use StreamTime or WallClock", int(clock)))
	case f == nil:
		panic(t.misuse("schedules a function that is nil"))
	}
	return t.env.Step.Host.Schedule(t.env.Step, d, clock, func(at record.Time) error {
		t.stage = working
		err := guard(func() error { return f(at) })
		t.stage = idle
		return t.judge(err)
	})
}

// OnClose has f called when the task ends here, however it ends: closed, moved away, failed, or
// aborted and then set up anew. The last set is called first. The stores may still be read, and
// nothing can be forwarded. An error does not keep the others from being called; it is logged, and
// returned where the task was to end in order. Kafka: Processor.close.
func (t *task) OnClose(f func() error) {
	if f == nil {
		panic(t.misuse("gives OnClose a function that is nil"))
	}
	step := t.env.Step.Name
	t.env.Task.OnClose(func() error {
		t.stage = idle
		if err := guard(f); err != nil {
			return &StepError{Step: step, Doing: "OnClose", Err: err}
		}
		return nil
	})
}

// Lookup is for handles alone.
func (t *task) Lookup(u graph.Use) any {
	switch found := t.env.Open(u).(type) {
	case nil:
		panic(t.misuse("%s", missing(u)))
	case SideOutput:
		return found.open(t)
	default:
		return found
	}
}

// misuse is what to panic with, which ends the user's function and the task.
func (t *task) misuse(format string, args ...any) *MisuseError {
	return &MisuseError{Step: t.env.Step.Name, Problem: fmt.Sprintf(format, args...)}
}

// Emitter is a side output, open in a task.
type Emitter[K, V any] struct{ out *outlet[K, V] }

// Emit hands r to the side output's stream, as Context.Forward hands it downstream.
func (e Emitter[K, V]) Emit(r record.Record[K, V]) { e.out.emit(r) }

// SideOutput is a side output before a processor opens it.
type SideOutput interface{ open(t *task) any }

// SideTo is the side output whose records go to next.
func SideTo[K, V any](next Emit[K, V]) SideOutput { return sideOutput[K, V]{next} }

type sideOutput[K, V any] struct{ next Emit[K, V] }

func (s sideOutput[K, V]) open(t *task) any {
	return Emitter[K, V]{&outlet[K, V]{task: t, next: s.next}}
}

// outlet is a way out of a processor. The record it lends is used again.
type outlet[K, V any] struct {
	task *task
	next Emit[K, V]
	lent record.Record[K, V]
}

// emit hands r on. What a step behind gets wrong is not this step's: it is kept until the user's
// function has returned, and nothing is handed on any more.
func (o *outlet[K, V]) emit(r record.Record[K, V]) {
	t := o.task
	if t.stage != working {
		panic(t.misuse("forwards outside of a record and of a punctuation"))
	}
	if t.failed != nil {
		return
	}
	if r.Time() < 0 {
		panic(fmt.Errorf("it forwards a record whose time is %d ms, before the epoch", r.Time()))
	}
	defer catch(&t.failed)
	o.lent = r
	t.failed = o.next(&o.lent)
}
