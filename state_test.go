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
		Created:     {Rebalancing},
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
				l := lifecycle{now: from, bell: sync.NewCond(new(sync.Mutex))}
				message := panicOf(func() { l.to(to) })
				late := slices.Contains([]State{Closing, Closed, Failed}, from) &&
					slices.Contains([]State{Rebalancing, Running, Closing, Created}, to)
				switch {
				case slices.Contains(transitions[from], to):
					if message != "" || l.state() != to || !slices.Equal(l.changes, []change{{from, to}}) {
						t.Errorf("legal, but state %v, changes %v, panic %q", l.state(), l.changes, message)
					}
				case from == to || late:
					if message != "" || l.state() != from || len(l.changes) > 0 {
						t.Errorf("no change, but state %v, changes %v, panic %q", l.state(), l.changes, message)
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

// Whoever is told may ask for the state, and take its time: nobody waits for it but the end.
func TestStateCanBeAskedForWhileBeingTold(t *testing.T) {
	var l lifecycle
	var told []State
	release := make(chan struct{})
	wait, ok := l.start(func(_, now State) {
		<-release
		told = append(told, now, l.state())
	})
	if !ok {
		t.Fatal("not started")
	}
	for range 100 {
		l.to(Running)
		l.to(Rebalancing)
	}
	l.to(Failed)
	close(release)
	wait()
	if len(told) != 2*202 || told[0] != Rebalancing || told[1] != Failed || told[len(told)-2] != Failed {
		t.Errorf("told of %d changes, the first %v", len(told)/2, told[:2])
	}
}

func TestLifecycleStartsOnce(t *testing.T) {
	var l lifecycle
	told, ok := l.start(nil)
	if !ok || l.state() != Rebalancing {
		t.Fatalf("started %v, state %v", ok, l.state())
	}
	if _, again := l.start(nil); again {
		t.Error("started twice")
	}
	l.to(Failed)
	told()
}

// The engine, the end of the context and Run may move at the same time: changes are told one at a
// time, each beginning where the last one ended.
func TestChangesAreToldInOrder(t *testing.T) {
	for range 200 {
		var l lifecycle
		at := Created
		told, _ := l.start(func(old, now State) {
			if old != at {
				t.Errorf("told %v to %v, was at %v", old, now, at)
			}
			at = now
		})
		var all sync.WaitGroup
		for _, moves := range [][]State{{Running, Rebalancing, Running}, {Closing, Closed}, {Closing}} {
			all.Go(func() {
				for _, next := range moves {
					l.to(next)
				}
			})
		}
		all.Wait()
		told()
		if at != Closed || l.state() != Closed {
			t.Fatalf("ended at %v, told %v", l.state(), at)
		}
	}
}
