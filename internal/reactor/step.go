package reactor

import (
	"fmt"
	"runtime/debug"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

// Step processes up to limit records of what was fed, and returns how many. It ends before that
// when nothing is left, or when it waits for an input (waitsFor): then a record that is still to come
// might be older. After each record it calls what is scheduled by stream time and due.
// An error ends the task.
func (t *Task) Step(limit int) (n int, err error) {
	defer t.catch(&err)
	for n < limit {
		in, err := t.choose()
		if err != nil {
			return n, t.taskError(err)
		}
		if in == nil {
			break
		}
		in.time = max(in.time, in.loadedAt)
		t.streamTime = max(t.streamTime, in.loadedAt)
		t.counters.late(t.streamTime - in.loadedAt)
		t.space.SetNow(in.loadedAt)
		t.current = in
		if t.batches != nil {
			t.batches.saw(in.raw())
		}
		if err := in.source.Emit(); err != nil {
			return n, t.taskError(err)
		}
		in.pop()
		n++
		t.current = nil
		if t.punctuations[windowing.StreamTime].Due(t.streamTime) {
			if _, err := t.punctuate(windowing.StreamTime, t.streamTime); err != nil {
				return n, t.taskError(err)
			}
		}
	}
	t.current = nil
	t.counters.In += int64(n)
	if err := t.space.Err(); err != nil {
		return n, t.taskError(err)
	}
	return n, nil
}

// load decodes the input's head. Records that are dropped for it are passed over.
func (t *Task) load(in *input) error {
	t.current = in
	for in.hasHead() {
		if in.head%aheadRecords == 0 {
			t.tellAhead(in)
		}
		at, ok, err := in.source.Load(in.raw(), in.time)
		if err != nil {
			return err
		}
		if ok {
			in.loaded, in.loadedAt = true, at
			return nil
		}
		if t.batches != nil {
			t.batches.saw(in.raw())
		}
		in.pop()
		t.counters.In++
	}
	return nil
}

// aheadRecords is how many records' keys are told at a time: enough for the reads they cause to
// overlap, few enough for what was read to stay in the processor's caches until it is used.
const aheadRecords = 64

// tellAhead tells the keys of the records from the head on, so that their rows are on the way from
// memory when they are asked for. The task's stream time stands for theirs: most records are near.
func (t *Task) tellAhead(in *input) {
	if len(t.aheads) == 0 {
		return
	}
	keys := t.keys[:0]
	coming := in.batches[0][in.head:]
	for i := range coming[:min(len(coming), aheadRecords)] {
		keys = append(keys, coming[i].Key)
	}
	for _, f := range t.aheads {
		f(t.streamTime, keys)
	}
}

// TaskError is an error that ended a task.
type TaskError struct {
	Task record.TaskID
	Err  error
}

// Error names the task and the cause.
func (e *TaskError) Error() string { return fmt.Sprintf("task %s: %v", e.Task, e.Err) }

// Unwrap is the cause.
func (e *TaskError) Unwrap() error { return e.Err }

// catch makes an error of a panic. User functions are guarded one by one: what panics here is a serde
// or the engine. It must be deferred itself.
func (t *Task) catch(err *error) {
	if p := recover(); p != nil {
		*err = t.taskError(&processor.PanicError{Value: p, Stack: debug.Stack()})
	}
}

func (t *Task) taskError(err error) error { return &TaskError{Task: t.ID, Err: err} }
