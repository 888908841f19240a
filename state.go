package pitwheel

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
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

// lifecycle holds an app's state, keeps it legal and tells of changes in order.
type lifecycle struct {
	now  atomic.Int32
	mu   sync.Mutex           // held while a change is made and told
	tell func(old, now State) // nil: nobody
}

func (l *lifecycle) state() State { return State(l.now.Load()) }

// to moves on. Staying is no change, and what comes from the engine or the end of a context after
// the end began is too late to be one. Another move that the table does not have is a bug.
func (l *lifecycle) to(next State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.state()
	if late := old >= Closing && next <= Closing; old == next || late {
		return
	}
	if !slices.Contains(transitions[old], next) {
		panic(fmt.Sprintf("pitwheel: an app cannot go from %v to %v", old, next))
	}
	l.now.Store(int32(next))
	if l.tell != nil {
		l.tell(old, next)
	}
}
