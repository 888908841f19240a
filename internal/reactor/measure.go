package reactor

import (
	"time"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/record"
)

// Metrics are the task's as of its last commit, without what only the engine knows.
func (t *Task) Metrics() metrics.Task {
	of := metrics.Task{ID: t.ID}
	t.measure(&of)
	return of
}

// measure fills in what the task knows of itself.
func (t *Task) measure(of *metrics.Task) {
	of.Totals = t.counted.totals()
	of.StreamTime = t.streamTime
	of.Inputs = make([]metrics.Input, len(t.inputs))
	for i, in := range t.inputs {
		of.Inputs[i] = metrics.Input{
			Topic: in.partition.Topic, Partition: in.partition.ID,
			Consumed: t.counted.inputs[in.partition], Position: t.committedAt(in), End: in.end, BufferedBytes: int64(in.bytes),
		}
	}
	of.Steps = t.measureSteps()
	stats := t.space.Stats()
	of.Stores = make([]metrics.Store, len(stats))
	for i, s := range stats {
		of.Stores[i] = metrics.Store{
			Name: s.Name, CacheHits: s.CacheHits, CacheMisses: s.CacheMisses, CacheBytes: s.CacheBytes, Expired: s.Expired,
		}
	}
}

// committedAt is how far the input is committed: before the first commit, where it began.
func (t *Task) committedAt(in *input) int64 {
	if at, ok := t.committed[in.partition]; ok {
		return at
	}
	return t.starts[in.partition]
}

// measureSteps are the steps that dropped something or are watched, in the order of nodes.
func (t *Task) measureSteps() []metrics.Step {
	var steps []metrics.Step
	for i, n := range t.config.Subtopology.Nodes {
		s := metrics.Step{Name: n.Name, Counted: t.watches != nil}
		for d, count := range t.counted.drops {
			if d.step == n.Name {
				if s.Dropped == nil {
					s.Dropped = map[string]int64{}
				}
				s.Dropped[string(d.reason)] = count
			}
		}
		if i < len(t.counted.steps) {
			s.In, s.Out = t.counted.steps[i].In, t.counted.steps[i].Out
		}
		if s.Counted && n.Kind == plan.Source {
			s.In = t.read(n)
		}
		if s.Counted || s.Dropped != nil {
			steps = append(steps, s)
		}
	}
	return steps
}

// read is how many records of a source's topics were processed or dropped.
func (t *Task) read(n *plan.Node) (records int64) {
	for _, in := range t.inputs {
		if in.node == n {
			records += t.counted.inputs[in.partition]
		}
	}
	return records
}

func (c *Counters) totals() metrics.Totals {
	of := metrics.Totals{
		Processed: c.In, Produced: c.Out, DeadLettered: c.DeadLettered,
		Punctuations: c.Punctuations, Punctuating: c.Punctuating,
		Lateness: durationOf(c.Lateness), LatenessMax: durationOf(c.LatenessMax),
	}
	for reason, n := range c.Dropped {
		if of.Dropped == nil {
			of.Dropped = map[string]int64{}
		}
		of.Dropped[string(reason)] = n
	}
	return of
}

func durationOf(t record.Time) time.Duration { return time.Duration(t) * time.Millisecond }
