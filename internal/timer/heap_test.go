package timer

import "github.com/pitwheel/pitwheel/record"

// entry is a timer's place in the order.
type entry struct {
	at    record.Time
	order uint64 // of adding
	slot  uint32
}

func (e entry) before(f entry) bool { return e.at < f.at || e.at == f.at && e.order < f.order }

type slot[T any] struct {
	value T
	use   uint32 // counts the timers that stood here
	place uint32 // in the heap
}

// heap is a heap, of four children to a place: that is half the levels of one with two, each of which
// misses the caches. It knows each timer's place, to cancel it.
type heap[T any] struct {
	order []entry
	slots []slot[T]
	free  []uint32 // slots that are not in use
	added uint64
}

func (q *heap[T]) Add(at record.Time, v T) ID {
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
	q.order = append(q.order, entry{})
	q.up(len(q.order)-1, entry{at, q.added, s})
	return ID(uint64(in.use)<<32 | uint64(s))
}

func (q *heap[T]) Cancel(id ID) bool {
	s, use := uint32(id), uint32(id>>32)
	if use == 0 || int(s) >= len(q.slots) || q.slots[s].use != use {
		return false
	}
	q.remove(int(q.slots[s].place))
	return true
}

func (q *heap[T]) Len() int { return len(q.order) }

func (q *heap[T]) Next() (at record.Time, ok bool) {
	if len(q.order) == 0 {
		return 0, false
	}
	return q.order[0].at, true
}

func (q *heap[T]) Pop(now record.Time) (v T, at record.Time, ok bool) {
	if len(q.order) == 0 || q.order[0].at > now {
		return v, 0, false
	}
	v, at = q.slots[q.order[0].slot].value, q.order[0].at
	q.remove(0)
	return v, at, true
}

func (q *heap[T]) remove(i int) {
	var none T
	s := q.order[i].slot
	q.slots[s].value = none
	q.slots[s].use++
	q.free = append(q.free, s)
	last := len(q.order) - 1
	moved := q.order[last]
	q.order = q.order[:last]
	switch {
	case i == last:
	case i > 0 && moved.before(q.order[(i-1)/4]):
		q.up(i, moved)
	default:
		q.down(i, moved)
	}
}

func (q *heap[T]) up(i int, e entry) {
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(q.order[parent]) {
			break
		}
		q.put(i, q.order[parent])
		i = parent
	}
	q.put(i, e)
}

func (q *heap[T]) down(i int, e entry) {
	for {
		first := 4*i + 1
		if first >= len(q.order) {
			break
		}
		child := first
		for c := first + 1; c < min(first+4, len(q.order)); c++ {
			if q.order[c].before(q.order[child]) {
				child = c
			}
		}
		if !q.order[child].before(e) {
			break
		}
		q.put(i, q.order[child])
		i = child
	}
	q.put(i, e)
}

func (q *heap[T]) put(i int, e entry) {
	q.order[i] = e
	q.slots[e.slot].place = uint32(i)
}
