package reactor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

var taskStates = []TaskState{TaskCreated, TaskRestoring, TaskRunning, TaskClosed}

func TestEveryTaskStateIsInTheTable(t *testing.T) {
	if got := slices.Sorted(maps.Keys(taskTransitions)); !slices.Equal(got, taskStates) {
		t.Errorf("the table has the states %v, want %v", got, taskStates)
	}
}

// The table is walked in full: a move that stands in it works, every other panics and names both
// states.
func TestTaskLifecycleIsItsTable(t *testing.T) {
	for _, from := range taskStates {
		for _, to := range taskStates {
			t.Run(fmt.Sprintf("%v to %v", from, to), func(t *testing.T) {
				var l lifecycle
				l.at.Store(int32(from))
				legal := slices.Contains(taskTransitions[from], to)
				message := panicOf(func() { l.to(to) })
				if legal {
					if message != "" || l.state() != to {
						t.Errorf("legal, but state %v, panic %q", l.state(), message)
					}
					return
				}
				if !strings.Contains(message, from.String()) || !strings.Contains(message, to.String()) {
					t.Errorf("illegal, but panic %q", message)
				}
				if l.state() != from {
					t.Errorf("illegal, but the state became %v", l.state())
				}
			})
		}
	}
}

// panicOf is what f panics with; empty if it does not.
func panicOf(f func()) (message string) {
	defer func() {
		if p := recover(); p != nil {
			message = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

// The diagram in state.go: a task is born, restored, run and closed, and may be closed anywhere.
func TestTaskDiagram(t *testing.T) {
	want := map[TaskState][]TaskState{
		TaskCreated:   {TaskRestoring, TaskClosed},
		TaskRestoring: {TaskRunning, TaskClosed},
		TaskRunning:   {TaskClosed},
		TaskClosed:    {},
	}
	if !maps.EqualFunc(taskTransitions, want, slices.Equal[[]TaskState]) {
		t.Errorf("the table is %v, the diagram says %v", taskTransitions, want)
	}
}
