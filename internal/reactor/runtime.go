package reactor

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// runtime is a Task as its processors see it.
type runtime struct{ *Task }

var _ processor.Runtime = runtime{}

// Runtime is the task as its processors see it.
func (b binder) Runtime() processor.Runtime { return runtime(b) }

// ID is the task's.
func (r runtime) ID() record.TaskID { return r.Task.ID }

// Context is done when what is bound now is dropped.
func (r runtime) Context() context.Context { return r.bound.context }

// Logger is the app's.
func (r runtime) Logger() *slog.Logger { return r.config.Logger }

// Metadata is where the record being processed was read.
func (r runtime) Metadata() (m processor.Metadata, ok bool) {
	in := r.current
	if in == nil || !in.loaded {
		return m, false
	}
	return processor.Metadata{Topic: in.partition.Topic, Partition: in.partition.ID, Offset: in.raw().Offset}, true
}

// RowTime is what a store's Put gives to rows.
func (r runtime) RowTime() *record.Time { return r.space.Now() }

// OnStart registers a set-up.
func (r runtime) OnStart(f func() error) { r.bound.starts = append(r.bound.starts, f) }

// OnClose registers what ends what a set-up has begun.
func (r runtime) OnClose(f func() error) { r.bound.closes = append(r.bound.closes, f) }

// bound is the life of what is bound in a task: it begins with the set-ups of processors and ends
// with what they gave to OnClose, when the task is closed or aborted.
type bound struct {
	context context.Context
	end     context.CancelFunc
	starts  []func() error // children first
	closes  []func() error // the first set first
}

func (t *Task) newBound() bound {
	ctx, end := context.WithCancel(t.config.Context)
	return bound{context: ctx, end: end}
}

// start sets processors up, parents first: their stores are what is committed. Until a record comes, its
// time, which Put gives to rows, is the task's stream time.
func (t *Task) start() error {
	t.space.SetNow(max(t.streamTime, 0))
	for _, f := range slices.Backward(t.bound.starts) {
		if err := f(); err != nil {
			return t.taskError(err)
		}
	}
	t.bound.starts = nil
	if err := t.space.Err(); err != nil {
		return t.taskError(err)
	}
	return nil
}

// Close ends what processors have begun, the last first, whatever fails. The stores may still be read:
// the space is closed after it, by who opened it. It may be called again, and then does nothing.
func (t *Task) Close() error {
	if t.bound.end == nil {
		return nil // nothing was bound: of a standby
	}
	closes := t.bound.closes
	t.bound.closes = nil
	t.bound.end()
	var errs []error
	for _, f := range slices.Backward(closes) {
		errs = append(errs, f())
	}
	if err := errors.Join(errs...); err != nil {
		return t.taskError(err)
	}
	return nil
}

// drop is Close where nobody waits for its error.
func (t *Task) drop() {
	if err := t.Close(); err != nil {
		t.config.Logger.Error("closing a processor failed", "task", t.ID, "error", err)
	}
}

func (c *TaskConfig) setDefaults() {
	if c.Context == nil {
		c.Context = context.Background()
	}
	if c.Now == nil {
		c.Now = func() record.Time { return record.TimeOf(time.Now()) }
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}
