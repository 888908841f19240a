package reactor

import (
	"fmt"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// binder is a Task while its steps are bound.
type binder struct{ *Task }

var _ plan.Binder = binder{}

// Step is the node's step in this task.
func (b binder) Step(n *plan.Node) *processor.Step {
	return &processor.Step{Name: n.Name, Host: b.Task}
}

// Store is the opened store of that name. A plan names only stores it has.
func (b binder) Store(name string) store.State {
	s := b.Task.Store(name)
	if s == nil {
		panic(fmt.Sprintf("reactor: subtopology %d has no store %q", b.ID.Subtopology, name))
	}
	return s
}

// Topic is a sink's topic by its name in the plan.
func (b binder) Topic(name string, internal bool) *processor.Topic {
	if internal {
		name = plan.TopicName(b.config.ApplicationID, name)
	}
	return b.config.Topic(name)
}

// Global is what code in the task sees of a global store; nil: there is none.
func (b binder) Global(name string) any {
	if b.config.Globals == nil {
		return nil
	}
	s, of := b.config.Globals(name)
	if s == nil || of == nil {
		return nil
	}
	return s.Global(of, b.space)
}

// OnFlush registers what runs before each commit.
func (b binder) OnFlush(f func() error) { b.flushes = append(b.flushes, f) }

// OnAhead registers who is told of the keys that come.
func (b binder) OnAhead(f func(at record.Time, keys [][]byte)) { b.aheads = append(b.aheads, f) }

// Mark is a time that is committed with the offsets.
func (b binder) Mark(name string) *record.Time {
	at, ok := b.marks[name]
	if !ok {
		at = new(record.Time)
		*at = -1
		b.marks[name] = at
	}
	return at
}
