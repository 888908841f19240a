package reactor

import (
	"maps"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// Counters are a task's running totals.
type Counters struct {
	In           int64 // records processed or dropped
	Out          int64 // records put out to topics, dead letters included
	DeadLettered int64
	Dropped      map[processor.Reason]int64

	Punctuations int64
	Punctuating  time.Duration // spent in them

	// By how much records were behind the task's stream time: all together, and the most.
	Lateness, LatenessMax record.Time

	drops  map[dropped]int64 // Dropped by step
	inputs map[record.Partition]int64
	steps  []processor.Watch // of the nodes in their order; nil: not watched
}

type dropped struct {
	step   string
	reason processor.Reason
}

// drop counts a record that did not go on.
func (c *Counters) drop(step string, reason processor.Reason) {
	if c.drops == nil {
		c.drops = map[dropped]int64{}
	}
	c.Dropped[reason]++
	c.drops[dropped{step, reason}]++
}

// late notes by how much a record is behind stream time.
func (c *Counters) late(by record.Time) {
	c.Lateness += by
	c.LatenessMax = max(c.LatenessMax, by)
}

// clone is as the counters are now.
func (c Counters) clone() Counters {
	c.Dropped, c.drops = maps.Clone(c.Dropped), maps.Clone(c.drops)
	return c
}

// Counters are the totals so far. What an abort will do again is not counted twice.
func (t *Task) Counters() Counters {
	c := t.counters.clone()
	c.inputs = make(map[record.Partition]int64, len(t.inputs))
	for _, in := range t.inputs {
		c.inputs[in.partition] = in.consumed
	}
	for _, w := range t.watches {
		c.steps = append(c.steps, *w)
	}
	return c
}

// recount goes back to the counters of the last commit, once the steps are bound anew.
func (t *Task) recount() {
	t.counters = t.counted.clone()
	for _, in := range t.inputs {
		in.consumed = t.counted.inputs[in.partition]
	}
	for i, w := range t.watches {
		if i < len(t.counted.steps) {
			w.In, w.Out = t.counted.steps[i].In, t.counted.steps[i].Out
		}
	}
}
