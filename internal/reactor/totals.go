package reactor

import (
	"sync"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// Totals are running totals of an engine.
type Totals struct {
	Counters
	Commits, Aborts int64
	StreamTime      record.Time // the highest of all tasks; -1: none
}

// tally holds a loop's totals for other goroutines. The loop writes it once a commit.
type tally struct {
	mu     sync.Mutex
	now    Totals
	closed Counters // of tasks that were given up
}

func (c *Counters) add(o Counters) {
	c.In += o.In
	c.Out += o.Out
	for reason, n := range o.Dropped {
		if c.Dropped == nil {
			c.Dropped = map[processor.Reason]int64{}
		}
		c.Dropped[reason] += n
	}
}

// publish notes the totals of the loop's tasks.
func (l *loop) publish() {
	now := Totals{Commits: l.commits, Aborts: l.aborts, StreamTime: -1}
	now.add(l.tally.closed)
	for _, r := range l.tasks {
		now.add(r.task.counters)
		now.StreamTime = max(now.StreamTime, r.task.streamTime)
	}
	l.tally.mu.Lock()
	defer l.tally.mu.Unlock()
	now.StreamTime = max(now.StreamTime, l.tally.now.StreamTime)
	l.tally.now = now
}

// Totals are the engine's as of its loops' last commits.
func (e *Engine) Totals() Totals {
	sum := Totals{StreamTime: -1}
	e.mu.Lock()
	loops := e.loops
	e.mu.Unlock()
	for _, l := range loops {
		l.tally.mu.Lock()
		sum.add(l.tally.now.Counters)
		sum.Commits += l.tally.now.Commits
		sum.Aborts += l.tally.now.Aborts
		sum.StreamTime = max(sum.StreamTime, l.tally.now.StreamTime)
		l.tally.mu.Unlock()
	}
	return sum
}
