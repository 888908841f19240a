package reactor

import (
	"fmt"
	"iter"
	"slices"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// Stored is a store of the plan and the subtopology that has it; ok is false if there is none.
func Stored(p *plan.Plan, name string) (sub *plan.Subtopology, s *plan.Store, ok bool) {
	for _, sub := range slices.Concat(p.Subtopologies, p.Globals) {
		for _, s := range sub.Stores {
			if s.Name == name {
				return sub, s, true
			}
		}
	}
	return nil, nil, false
}

// Query is which store is asked, and how.
type Query struct {
	Subtopology *plan.Subtopology
	Store       *plan.Store
	Standbys    bool  // copies are asked of tasks that are not here
	MaxLag      int64 // but none that is so many records behind
}

// Parts are the partitions of a store to ask, for any goroutine. partitionKey is the part of a key's
// bytes that chooses its partition; nil: all partitions are asked. An error stands in the place of a
// partition that cannot be asked here and now.
//
// Where a row's partition is that of its key, it is asked alone. Where a partitioner of the user's
// or a processor may have put it elsewhere, the others are asked too.
func (e *Engine) Parts(q Query, partitionKey []byte) iter.Seq2[store.Part, error] {
	return func(yield func(store.Part, error) bool) {
		topics := e.topics()
		if topics == nil {
			yield(store.Part{}, fmt.Errorf("store %q: %w", q.Store.Name, store.ErrNotReady))
			return
		}
		if slices.Contains(e.config.Plan.Globals, q.Subtopology) {
			rows, err := e.globalRows(q.Store.Name)
			if err != nil {
				err = PartError(q.Store.Name, -1, err)
			}
			yield(store.Part{Partition: -1, Rows: rows}, err)
			return
		}
		spread := topics.spread[q.Subtopology]
		count, first, one := spread.partitions, int32(0), false
		if partitionKey != nil {
			first = processor.PartitionOf(partitionKey, count)
			one = q.Store.ByKey && spread.byKey
		}
		for i := range count {
			partition := (first + i) % count
			rows, err := e.committedRows(q, record.TaskID{Subtopology: q.Subtopology.ID, Partition: partition})
			if err != nil {
				err = PartError(q.Store.Name, partition, err)
			}
			if !yield(store.Part{Partition: partition, Rows: rows}, err) || one {
				return
			}
		}
	}
}

// PartError puts the store's name and the partition before an error.
func PartError(name string, partition int32, err error) error {
	if partition < 0 {
		return fmt.Errorf("global store %q: %w", name, err)
	}
	return fmt.Errorf("store %q partition %d: %w", name, partition, err)
}

// spread is how a subtopology's records are spread.
type spread struct {
	partitions int32
	byKey      bool // a record's partition is that of its key, of so many
}

// spreads are known once the topics are.
func (t *topics) spreads() map[*plan.Subtopology]spread {
	all := map[*plan.Subtopology]spread{}
	for _, sub := range t.config.Plan.Subtopologies {
		l := spread{partitions: t.partitions(sub), byKey: true}
		for _, n := range sub.Nodes {
			l.byKey = l.byKey && !n.Custom
		}
		for _, topic := range t.sourcesOf(sub) {
			l.byKey = l.byKey && t.counts[topic] == l.partitions
		}
		all[sub] = l
	}
	return all
}

// committedRows are a task's committed rows of a store.
func (e *Engine) committedRows(q Query, id record.TaskID) (*store.Committed, error) {
	e.mu.Lock()
	a, ended := e.assignments[id], e.ended
	e.mu.Unlock()
	switch {
	case ended:
		return nil, store.ErrNotReady
	case a == nil && q.Standbys:
		return e.standbys.committedRows(q, id)
	case a == nil:
		return nil, store.ErrNotHere
	}
	switch a.lifecycle.state() {
	case TaskCreated, TaskRestoring:
		return nil, store.ErrRestoring
	case TaskRunning:
		return a.space.Committed(q.Store.Name), nil
	}
	return nil, store.ErrNotHere
}

// committedRows are those of a task's copy.
func (r *standbys) committedRows(q Query, id record.TaskID) (*store.Committed, error) {
	r.mu.Lock()
	s := r.all[id]
	r.mu.Unlock()
	if s == nil {
		return nil, store.ErrNotHere
	}
	select {
	case <-s.opened:
	default:
		return nil, store.ErrRestoring
	}
	// Opening has failed where there is no task: then the engine ends.
	if lag := s.lag.Load(); s.task == nil || lag > q.MaxLag {
		return nil, fmt.Errorf("%w: the copy that is lags %d records behind", store.ErrNotHere, lag)
	}
	return s.space.Committed(q.Store.Name), nil
}
