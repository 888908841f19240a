package reactor

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/record"
)

// RestoreEvent is what happens to a store while it is brought back. Kafka: StateRestoreListener.
type RestoreEvent int

// The events.
const (
	RestoreStarted RestoreEvent = iota
	RestoreProgress
	RestoreDone
	RestoreSuspended // the task was taken away, or restoring failed
)

// Restoring is news of a restore.
type Restoring struct {
	Task      record.TaskID
	Event     RestoreEvent
	Store     string           // empty: all stores of the task
	Partition record.Partition // that is replayed
	From      int64            // the offset it began at
	Position  int64            // the offset it has reached
	End       int64            // the offset it will reach
	Records   int64            // replayed so far
	Took      time.Duration    // so far
}

// restoring is how far a task's restore is, for others.
type restoring struct {
	records, remaining atomic.Int64
	began, ended       atomic.Int64 // Unix nanoseconds; 0: not yet
}

func (r *restoring) progress(now time.Time) metrics.Restore {
	p := metrics.Restore{Records: r.records.Load(), Remaining: r.remaining.Load()}
	began := r.began.Load()
	if ended := r.ended.Load(); ended != 0 {
		p.Took = time.Duration(ended - began)
	} else if began != 0 {
		p.Took = max(now.Sub(time.Unix(0, began)), 0)
	}
	return p
}

// tellEvery bounds how often progress of a store is told.
const tellEvery = time.Second

// storeRestore is what is told of one store's restore.
type storeRestore struct {
	Restoring
	begin, told time.Time
	over        bool
}

// tell hands an event out, on the goroutine that restores.
func (e *Engine) tell(r Restoring) {
	if e.config.OnRestore != nil {
		e.config.OnRestore(r)
	}
}

// began tells that the stores' restores begin.
func (r *replayer) began() {
	now := time.Now()
	r.restores = map[string]*storeRestore{}
	for p, name := range r.stores {
		r.restores[name] = &storeRestore{
			begin: now, told: now,
			Restoring: Restoring{
				Task: r.assignment.id, Store: name, Partition: p, Event: RestoreStarted,
				From: r.read[name], Position: r.read[name], End: r.ends[name],
			},
		}
	}
	r.remain()
	for _, s := range r.inOrder() {
		r.engine.tell(s.Restoring)
	}
}

// inOrder is the stores by name.
func (r *replayer) inOrder() []*storeRestore {
	of := make([]*storeRestore, 0, len(r.restores))
	for _, name := range slices.Sorted(maps.Keys(r.restores)) {
		of = append(of, r.restores[name])
	}
	return of
}

// remain sums up what is left.
func (r *replayer) remain() {
	left := int64(0)
	for name, end := range r.ends {
		left += max(end-r.read[name], 0)
	}
	r.assignment.restoring.remaining.Store(left)
}

// advanced tells of progress, at a bounded rate, and of the end.
func (r *replayer) advanced(name string) {
	records := r.records - r.noted
	r.noted = r.records
	r.assignment.restoring.records.Add(records)
	r.remain()
	s := r.restores[name]
	if s == nil || s.over {
		return
	}
	now := time.Now()
	s.Position, s.Took = r.read[name], now.Sub(s.begin)
	s.Records += records
	s.over = s.Position >= s.End
	switch {
	case s.over:
		s.Event = RestoreDone
	case now.Sub(s.told) < tellEvery:
		return
	default:
		s.Event = RestoreProgress
	}
	s.told = now
	r.engine.tell(s.Restoring)
}

// suspended tells that what is not done will not be.
func (r *replayer) suspended() {
	for _, s := range r.inOrder() {
		if !s.over {
			s.over, s.Event, s.Took = true, RestoreSuspended, time.Since(s.begin)
			r.engine.tell(s.Restoring)
		}
	}
}
