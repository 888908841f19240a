package timer

import "github.com/pitwheel/pitwheel/record"

// Queue holds timers, each with a value. The zero Queue is empty.
type Queue[T any] struct {
	heap  []entry
	slots []slot[T]
	free  []uint32 // slots that are not in use
	added uint64
}

// ID names a timer of one queue. The zero ID names none.
type ID uint64

// entry is a timer's place in the order.
type entry struct {
	at    record.Time
	order uint64 // of adding
	slot  uint32
}

type slot[T any] struct {
	value T
	use   uint32 // counts the timers that stood here
	place uint32 // in the heap
}

// Add adds a timer.
func (q *Queue[T]) Add(at record.Time, v T) ID {
	var s uint32
	if last := len(q.free) - 1; last >= 0 {
		s = q.free[last]
		q.free = q.free[:last]
	} else {
		s = uint32(len(q.slots))
		q.slots = append(q.slots, slot[T]{})
	}
	in := &q.slots[s]
	in.value = v
	in.use++
	q.added++
	q.heap = append(q.heap, entry{})
	q.up(len(q.heap)-1, entry{at, q.added, s})
	return ID(uint64(in.use)<<32 | uint64(s))
}

// Cancel takes a timer away. False: it fired before, or was cancelled.
func (q *Queue[T]) Cancel(id ID) bool {
	s, use := uint32(id), uint32(id>>32)
	if use == 0 || int(s) >= len(q.slots) || q.slots[s].use != use {
		return false
	}
	q.remove(int(q.slots[s].place))
	return true
}

// Len is how many timers there are.
func (q *Queue[T]) Len() int { return len(q.heap) }

// Next is the time of the earliest timer. False: there is none.
func (q *Queue[T]) Next() (at record.Time, ok bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].at, true
}

// Pop takes the earliest timer whose time is not after now. False: there is none.
func (q *Queue[T]) Pop(now record.Time) (v T, at record.Time, ok bool) {
	if len(q.heap) == 0 || q.heap[0].at > now {
		return v, 0, false
	}
	v, at = q.slots[q.heap[0].slot].value, q.heap[0].at
	q.remove(0)
	return v, at, true
}

func (q *Queue[T]) remove(i int) {
	var none T
	s := q.heap[i].slot
	q.slots[s].value = none
	q.slots[s].use++
	q.free = append(q.free, s)
	last := len(q.heap) - 1
	moved := q.heap[last]
	q.heap = q.heap[:last]
	switch {
	case i == last:
	case i > 0 && moved.before(q.heap[(i-1)/2]):
		q.up(i, moved)
	default:
		q.down(i, moved)
	}
}

func (e entry) before(f entry) bool { return e.at < f.at || e.at == f.at && e.order < f.order }

// up puts e at i or above.
func (q *Queue[T]) up(i int, e entry) {
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(q.heap[parent]) {
			break
		}
		q.put(i, q.heap[parent])
		i = parent
	}
	q.put(i, e)
}

// down puts e at i or below.
func (q *Queue[T]) down(i int, e entry) {
	for {
		child := 2*i + 1
		if child >= len(q.heap) {
			break
		}
		if right := child + 1; right < len(q.heap) && q.heap[right].before(q.heap[child]) {
			child = right
		}
		if !q.heap[child].before(e) {
			break
		}
		q.put(i, q.heap[child])
		i = child
	}
	q.put(i, e)
}

func (q *Queue[T]) put(i int, e entry) {
	q.heap[i] = e
	q.slots[e.slot].place = uint32(i)
}
