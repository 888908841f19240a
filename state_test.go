package pitwheel

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

var states = []State{Created, Rebalancing, Running, Closing, Closed, Failed}

func TestEveryStateIsInTheTable(t *testing.T) {
	if got := slices.Sorted(maps.Keys(transitions)); !slices.Equal(got, states) {
		t.Errorf("the table has the states %v, want %v", got, states)
	}
}

// The diagram in state.go.
func TestStateDiagram(t *testing.T) {
	want := map[State][]State{
		Created:     {Rebalancing, Failed},
		Rebalancing: {Running, Closing, Failed},
		Running:     {Rebalancing, Closing, Failed},
		Closing:     {Closed, Failed},
		Closed:      {},
		Failed:      {},
	}
	if !maps.EqualFunc(transitions, want, slices.Equal[[]State]) {
		t.Errorf("the table is %v, the diagram says %v", transitions, want)
	}
}

// The table is walked in full. A move that stands in it is made and told; staying is none; what the
// engine or the end of the context says after the end began is ignored; every other move panics.
func TestLifecycleIsItsTable(t *testing.T) {
	for _, from := range states {
		for _, to := range states {
			t.Run(fmt.Sprintf("%v to %v", from, to), func(t *testing.T) {
				told := []State{}
				var l lifecycle
				l.now.Store(int32(from))
				l.tell = func(old, now State) { told = append(told, old, now) }
				message := panicOf(func() { l.to(to) })
				late := slices.Contains([]State{Closing, Closed, Failed}, from) &&
					slices.Contains([]State{Rebalancing, Running, Closing, Created}, to)
				switch {
				case slices.Contains(transitions[from], to):
					if message != "" || l.state() != to || !slices.Equal(told, []State{from, to}) {
						t.Errorf("legal, but state %v, told %v, panic %q", l.state(), told, message)
					}
				case from == to || late:
					if message != "" || l.state() != from || len(told) > 0 {
						t.Errorf("no change, but state %v, told %v, panic %q", l.state(), told, message)
					}
				default:
					if !strings.Contains(message, from.String()) || !strings.Contains(message, to.String()) || l.state() != from {
						t.Errorf("illegal, but state %v, panic %q", l.state(), message)
					}
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

// Whoever is told of a change may ask for the state: it is the new one.
func TestStateCanBeAskedForWhileBeingTold(t *testing.T) {
	var l lifecycle
	asked := Created
	l.tell = func(_, _ State) { asked = l.state() }
	l.to(Rebalancing)
	if asked != Rebalancing {
		t.Errorf("asked while told of rebalancing: %v", asked)
	}
}

// The engine, the end of the context and Run may move at the same time: changes are told one at a
// time, each beginning where the last one ended.
func TestChangesAreToldInOrder(t *testing.T) {
	for range 200 {
		var l lifecycle
		at := Created
		l.tell = func(old, now State) {
			if old != at {
				t.Errorf("told %v to %v, was at %v", old, now, at)
			}
			at = now
		}
		l.to(Rebalancing)
		var all sync.WaitGroup
		for _, moves := range [][]State{{Running, Rebalancing, Running}, {Closing, Closed}, {Closing}} {
			all.Go(func() {
				for _, next := range moves {
					l.to(next)
				}
			})
		}
		all.Wait()
		if at != Closed || l.state() != Closed {
			t.Fatalf("ended at %v, told %v", l.state(), at)
		}
	}
}
