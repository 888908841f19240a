package streamtest

import (
	"container/heap"

	"github.com/pitwheel/pitwheel/record"
)

// queue is an input partition of a task: what is not yet committed of it.
type queue struct {
	of      record.Partition
	task    *task
	records []record.Raw
	taken   int // how many of them were given to the task; at most one is not yet committed
}

func (q *queue) head() *record.Raw { return &q.records[q.taken] }

func (q *queue) empty() bool { return q.taken == len(q.records) }

// agenda is the partitions that have records to be taken, the one with the oldest head first. Its
// heap is sifted as java.util.PriorityQueue's is, so that equals come in the same order as in
// TopologyTestDriver.
type agenda []*queue

// add appends a record to a queue.
func (a *agenda) add(q *queue, r record.Raw) {
	waits := !q.empty()
	q.records = append(q.records, r)
	if !waits {
		heap.Push(a, q)
	}
}

// take takes the oldest head away. There must be one.
func (a *agenda) take() (*queue, []record.Raw) {
	q := heap.Pop(a).(*queue)
	at := q.taken
	q.taken++
	if !q.empty() {
		heap.Push(a, q)
	}
	return q, q.records[at:q.taken:q.taken]
}

// Len implements heap.Interface.
func (a agenda) Len() int { return len(a) }

// Less implements heap.Interface.
func (a agenda) Less(i, j int) bool { return a[i].head().Time < a[j].head().Time }

// Swap implements heap.Interface.
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *agenda) Push(q any) { *a = append(*a, q.(*queue)) }

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := len(*a) - 1
	q := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	return q
}
