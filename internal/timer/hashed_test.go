package timer

import "github.com/pitwheel/pitwheel/record"

// hashedSlots is how many milliseconds a round of the hashed wheel takes.
const hashedSlots = 4096

// hashed is a hashed timer wheel: a timer stands in the slot of its millisecond, modulo the slots, and
// is looked at once a round until its own has come.
type hashed[T any] struct {
	slots [hashedSlots]bucket
	nodes []timer[T] // the first is none
	free  uint32
	n     int
	tick  record.Time // all before it was fired
	late  lateHeap
	added uint64
}

func (w *hashed[T]) Len() int { return w.n }

func (w *hashed[T]) Add(at record.Time, v T) ID {
	if w.nodes == nil {
		w.nodes = make([]timer[T], 1)
	}
	i := w.free
	if i != 0 {
		w.free = w.nodes[i].next
	} else {
		i = uint32(len(w.nodes))
		w.nodes = append(w.nodes, timer[T]{})
	}
	x := &w.nodes[i]
	x.at, x.value = uint64(at), v
	x.use++
	w.n++
	if at < w.tick {
		x.bucket = lateBucket
		w.added++
		w.late.push(lateTimer{at: ordinal(at), order: w.added, n: i, use: x.use})
		return ID(uint64(x.use)<<32 | uint64(i))
	}
	b := w.slot(i)
	x.bucket, x.next, x.prev = 0, 0, b.last
	if b.last == 0 {
		b.first = i
	} else {
		w.nodes[b.last].next = i
	}
	b.last = i
	return ID(uint64(x.use)<<32 | uint64(i))
}

func (w *hashed[T]) slot(i uint32) *bucket { return &w.slots[w.nodes[i].at%hashedSlots] }

func (w *hashed[T]) remove(i uint32) {
	x := &w.nodes[i]
	b := w.slot(i)
	if x.prev == 0 {
		b.first = x.next
	} else {
		w.nodes[x.prev].next = x.next
	}
	if x.next == 0 {
		b.last = x.prev
	} else {
		w.nodes[x.next].prev = x.prev
	}
	w.release(i)
}

func (w *hashed[T]) release(i uint32) {
	var none T
	x := &w.nodes[i]
	x.value, x.next = none, w.free
	x.use++
	w.free = i
	w.n--
}

func (w *hashed[T]) Cancel(id ID) bool {
	i, use := uint32(id), uint32(id>>32)
	if use == 0 || int(i) >= len(w.nodes) || w.nodes[i].use != use {
		return false
	}
	if w.nodes[i].bucket == lateBucket {
		w.release(i)
	} else {
		w.remove(i)
	}
	return true
}

func (w *hashed[T]) Pop(now record.Time) (v T, at record.Time, ok bool) {
	for len(w.late) > 0 {
		if w.late[0].at > ordinal(now) {
			return v, 0, false
		}
		if l := w.late.pop(); w.nodes[l.n].use == l.use {
			v = w.nodes[l.n].value
			w.release(l.n)
			return v, timeOf(l.at), true
		}
	}
	for empty := 0; w.n > 0 && w.tick <= now; empty++ {
		if empty == hashedSlots { // a round without any: a look at all of them finds the next
			w.tick, _ = w.first()
			continue
		}
		for i := w.slots[uint64(w.tick)%hashedSlots].first; i != 0; i = w.nodes[i].next {
			if w.nodes[i].at == uint64(w.tick) {
				v = w.nodes[i].value
				w.remove(i)
				return v, w.tick, true
			}
		}
		if w.tick == now {
			break
		}
		w.tick++
	}
	return v, 0, false
}

// first is the time of the first that is not late.
func (w *hashed[T]) first() (at record.Time, ok bool) {
	for s := range w.slots {
		for i := w.slots[s].first; i != 0; i = w.nodes[i].next {
			if t := record.Time(w.nodes[i].at); !ok || t < at {
				at, ok = t, true
			}
		}
	}
	return at, ok
}

func (w *hashed[T]) Next() (at record.Time, ok bool) {
	for len(w.late) > 0 {
		if l := w.late[0]; w.nodes[l.n].use == l.use {
			return timeOf(l.at), true
		}
		w.late.pop()
	}
	return w.first()
}
