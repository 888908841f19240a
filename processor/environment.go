package processor

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pitwheel/pitwheel/internal/graph"
	"github.com/pitwheel/pitwheel/record"
)

// Runtime is what processors ask of the task they run in, beside their step's Host. internal/reactor
// implements it.
type Runtime interface {
	ID() record.TaskID
	// Context is done when the task ends here, or what was bound in it is dropped.
	Context() context.Context
	Logger() *slog.Logger
	// Metadata is of the record being processed; false: there is none.
	Metadata() (m Metadata, ok bool)
	StreamTime() record.Time
	WallClock() record.Time
	// RowTime is what a store's Put gives to rows. A task sets it to the time of the record it takes
	// next, or of the punctuation; a step may set it to that of the record it has got, and back.
	RowTime() *record.Time
	// OnStart registers what runs when the task's stores hold what is committed, before its first
	// record. Children are bound, and so register, before their parents, and are started after them.
	OnStart(f func() error)
	// OnClose registers what runs when the task ends here, or what was bound in it is dropped; the
	// last one first.
	OnClose(f func() error)
}

// Environment is what a processor's context reaches.
type Environment struct {
	Step *Step
	Task Runtime
	// Open is what a handle names, a SideOutput for a side output's; nil: the step is not connected
	// with it.
	Open func(graph.Use) any
}

// StepError is what a step of the user's got wrong where there is no record to blame: it ends the task.
type StepError struct {
	Step  string
	Doing string // "set-up", "OnClose"
	Err   error
}

// Error names the step and what it was doing.
func (e *StepError) Error() string { return fmt.Sprintf("step %q: %s: %v", e.Step, e.Doing, e.Err) }

// Unwrap is the cause.
func (e *StepError) Unwrap() error { return e.Err }

// MisuseError is a mistake in how a processor uses its context. It ends the task, whatever the error policy
// is: with the next record it would be the same.
type MisuseError struct{ Step, Problem string }

// Error names the step and the mistake.
func (e *MisuseError) Error() string { return fmt.Sprintf("step %q %s", e.Step, e.Problem) }

// missing says that a step is not connected with what a handle names.
func missing(u graph.Use) string {
	if u.Kind == "" {
		return "opens a handle that is a zero value: take it from the Builder's or a table's method"
	}
	return fmt.Sprintf("uses the %s %q without being connected with it: give the handle to Process, behind the set-up", u.Kind, u.Name)
}
