package reactor

import (
	"fmt"
	"iter"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// Stored is a store of the plan and the subtopology that has it; ok is false if there is none.
func Stored(p *plan.Plan, name string) (sub *plan.Subtopology, s *plan.Store, ok bool) {
	for _, sub := range p.Subtopologies {
		for _, s := range sub.Stores {
			if s.Name == name {
				return sub, s, true
			}
		}
	}
	return nil, nil, false
}

// Parts are the partitions of a store to ask, for any goroutine. partitionKey is the part of a key's
// bytes that chooses its partition; nil: all partitions are asked. An error stands in the place of a
// partition that cannot be asked here and now.
//
// Where a row's partition is that of its key, it is asked alone. Where a partitioner of the user's
// or a processor may have put it elsewhere, the others are asked too.
func (e *Engine) Parts(sub *plan.Subtopology, s *plan.Store, partitionKey []byte) iter.Seq2[store.Part, error] {
	return func(yield func(store.Part, error) bool) {
		spreads := e.spreads.Load()
		if spreads == nil {
			yield(store.Part{}, fmt.Errorf("store %q: %w", s.Name, store.ErrNotReady))
			return
		}
		spread := (*spreads)[sub]
		count, first, one := spread.partitions, int32(0), false
		if partitionKey != nil {
			first = processor.PartitionOf(partitionKey, count)
			one = s.ByKey && spread.byKey
		}
		for i := range count {
			partition := (first + i) % count
			rows, err := e.committedRows(record.TaskID{Subtopology: sub.ID, Partition: partition}, s.Name)
			if err != nil {
				err = PartError(s.Name, partition, err)
			}
			if !yield(store.Part{Partition: partition, Rows: rows}, err) || one {
				return
			}
		}
	}
}

// PartError puts the store's name and the partition before an error.
func PartError(name string, partition int32, err error) error {
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
func (e *Engine) committedRows(id record.TaskID, name string) (*store.Committed, error) {
	e.mu.Lock()
	a, ended := e.assignments[id], e.ended
	e.mu.Unlock()
	switch {
	case ended:
		return nil, store.ErrNotReady
	case a == nil:
		return nil, store.ErrNotHere
	}
	switch a.lifecycle.state() {
	case TaskCreated, TaskRestoring:
		return nil, store.ErrRestoring
	case TaskRunning:
		return a.space.Committed(name), nil
	}
	return nil, store.ErrNotHere
}
