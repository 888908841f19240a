package pitwheel

import (
	"fmt"
	"slices"
	"sync"
)

// State is where an app is in its life. Kafka: KafkaStreams.State.
//
//	Created --> Rebalancing <--> Running
//	              |     |        |    |
//	              |     +--------|----+--> Failed
//	              v              v           ^
//	              +--> Closing <-+           |
//	                      |  +---------------+
//	                      v
//	                   Closed
type State int

// The states.
const (
	Created     State = iota // Run was not called
	Rebalancing              // tasks are assigned, opened or restored
	Running                  // all assigned tasks process records
	Closing                  // Run's context has ended: last commits
	Closed                   // Run has returned nil
	Failed                   // Run has returned an error
)

var transitions = map[State][]State{
	Created:     {Rebalancing},
	Rebalancing: {Running, Closing, Failed},
	Running:     {Rebalancing, Closing, Failed},
	Closing:     {Closed, Failed},
	Closed:      {},
	Failed:      {},
}

// String is the state's name.
func (s State) String() string {
	return [...]string{"created", "rebalancing", "running", "closing", "closed", "failed"}[s]
}

// lifecycle holds an app's state, keeps it legal and tells of changes in order. Who is told may take
// its time and ask for the state: a goroutine of its own tells, and nobody waits for it but told.
type lifecycle struct {
	mu      sync.Mutex
	now     State
	started bool
	changes []change
	bell    *sync.Cond // rung with each change; nil: nobody is told
}

type change struct{ old, now State }

// start is the move out of Created; it works once. told ends the telling, once all was told.
func (l *lifecycle) start(tell func(old, now State)) (told func(), ok bool) {
	l.mu.Lock()
	if l.started {
		l.mu.Unlock()
		return nil, false
	}
	l.started = true
	told = func() {}
	if tell != nil {
		l.bell = sync.NewCond(&l.mu)
		told = l.telling(tell)
	}
	l.mu.Unlock()
	l.to(Rebalancing)
	return told, true
}

// telling starts the goroutine that tells.
func (l *lifecycle) telling(tell func(old, now State)) (told func()) {
	done, over := make(chan struct{}), false
	go func() {
		defer close(done)
		for {
			l.mu.Lock()
			for len(l.changes) == 0 && !over {
				l.bell.Wait()
			}
			changes := l.changes
			l.changes = nil
			l.mu.Unlock()
			if len(changes) == 0 {
				return
			}
			for _, c := range changes {
				tell(c.old, c.now)
			}
		}
	}()
	return func() {
		l.mu.Lock()
		over = true
		l.bell.Signal()
		l.mu.Unlock()
		<-done
	}
}

func (l *lifecycle) state() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// to moves on. Staying is no change, and what comes from the engine or the end of a context after
// the end began is too late to be one. Another move that the table does not have is a bug.
func (l *lifecycle) to(next State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.now
	if late := old >= Closing && next <= Closing; old == next || late {
		return
	}
	if !slices.Contains(transitions[old], next) {
		panic(fmt.Sprintf("pitwheel: an app cannot go from %v to %v", old, next))
	}
	l.now = next
	if l.bell != nil {
		l.changes = append(l.changes, change{old, next})
		l.bell.Signal()
	}
}
