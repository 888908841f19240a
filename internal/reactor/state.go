package reactor

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// TaskState is where a task is in its life.
//
//	Created --> Restoring --> Running --> Closed
//	   |            |                        ^
//	   +------------+------------------------+
type TaskState int32

// The states.
const (
	TaskCreated   TaskState = iota // assigned, its state not yet opened
	TaskRestoring                  // its changelogs are replayed
	TaskRunning                    // it processes records
	TaskClosed                     // it is given up
)

var taskTransitions = map[TaskState][]TaskState{
	TaskCreated:   {TaskRestoring, TaskClosed},
	TaskRestoring: {TaskRunning, TaskClosed},
	TaskRunning:   {TaskClosed},
	TaskClosed:    {},
}

// String is the state's name.
func (s TaskState) String() string {
	return [...]string{"created", "restoring", "running", "closed"}[s]
}

// lifecycle holds a task's state and keeps it legal.
type lifecycle struct{ at atomic.Int32 }

func (l *lifecycle) state() TaskState { return TaskState(l.at.Load()) }

// to moves on. A move that the table does not have is a bug of the engine.
func (l *lifecycle) to(next TaskState) {
	now := l.state()
	if !slices.Contains(taskTransitions[now], next) {
		panic(fmt.Sprintf("reactor: a task cannot go from %v to %v", now, next))
	}
	l.at.Store(int32(next))
}
