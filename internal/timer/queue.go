package timer

import (
	"math"
	"math/bits"

	"github.com/pitwheel/pitwheel/record"
)

// Queue holds timers, each with a value. The zero Queue is empty.
//
// It is a hierarchical timer wheel: levels of 64 buckets, those of the lowest a millisecond wide, each
// level's as wide as all of the one below, so that all of time has its place. A timer stands on the
// level of the highest digit, to base 64, in which its time differs from what was reached; when its
// bucket is reached it moves down. A bit for each bucket in use finds the next one, however far,
// without looking at those between. docs/adr/0011-timers.md says why.
type Queue[T any] struct {
	reached uint64 // no timer in a bucket is before it
	levels  [levels]*[buckets]bucket
	used    [levels]uint64 // a bit for each bucket with timers
	late    lateHeap       // timers that were added behind what was reached

	timers []timer[T] // by number; the first stands for none
	free   uint32     // the first that is not in use
	count  int
	added  uint64      // timers ever
	bound  record.Time // no timer is before it; valid if there are any
}

const (
	digit   = 6
	buckets = 1 << digit
	levels  = (64 + digit - 1) / digit
)

// ID names a timer of one queue. The zero ID names none.
type ID uint64

// timer is a timer, or room for one.
type timer[T any] struct {
	at         uint64
	value      T
	next, prev uint32 // in its bucket; next also of those that are free
	use        uint32 // counts its beginnings and ends, so that old IDs do not fit
	bucket     uint16 // level and bucket; lateBucket: none
}

const lateBucket = math.MaxUint16

// bucket is a list of timers, those of one time in the order of their adding: they are always in one
// bucket together, and move down in their order.
type bucket struct{ first, last uint32 }

// ordinal is a number that has the order of times and no sign.
func ordinal(at record.Time) uint64 { return uint64(at) ^ 1<<63 }

func timeOf(ordinal uint64) record.Time { return record.Time(ordinal ^ 1<<63) }

// Len is how many timers there are.
func (q *Queue[T]) Len() int { return q.count }

// Next is a time before which none fires; Pop may find none at it yet. False: there are no timers.
func (q *Queue[T]) Next() (at record.Time, ok bool) { return q.bound, q.count > 0 }

// Due says whether Pop may find a timer.
func (q *Queue[T]) Due(now record.Time) bool { return q.bound <= now && q.count > 0 }

// Add adds a timer. A time that has passed is due at once, in its order.
func (q *Queue[T]) Add(at record.Time, v T) ID {
	n := q.take()
	t := &q.timers[n]
	t.at, t.value = ordinal(at), v
	t.use++
	if q.count == 0 || at < q.bound {
		q.bound = at
	}
	q.count++
	q.added++
	if t.at < q.reached {
		t.bucket = lateBucket
		q.late.push(lateTimer{at: t.at, order: q.added, n: n, use: t.use})
	} else {
		q.link(n)
	}
	return ID(uint64(t.use)<<32 | uint64(n))
}

// Cancel takes a timer away. False: it has fired, or was cancelled before.
func (q *Queue[T]) Cancel(id ID) bool {
	n, use := uint32(id), uint32(id>>32)
	if n == 0 || int(n) >= len(q.timers) || q.timers[n].use != use {
		return false
	}
	// What is late stays in the heap until it comes up: its use does not fit any more.
	if q.timers[n].bucket != lateBucket {
		q.unlink(n)
	}
	q.release(n)
	return true
}

// Pop takes the earliest timer that is not after now. False: there is none.
func (q *Queue[T]) Pop(now record.Time) (v T, at record.Time, ok bool) {
	if !q.Due(now) {
		return v, 0, false
	}
	for len(q.late) > 0 { // they are before all that stand in buckets
		if q.late[0].at > ordinal(now) {
			q.bound = timeOf(q.late[0].at)
			return v, 0, false
		}
		if l := q.late.pop(); q.timers[l.n].use == l.use {
			return q.fire(l.n)
		}
	}
	for {
		level, b, start := q.nextBucket()
		if start > ordinal(now) {
			return v, 0, false
		}
		q.reached = start
		first := q.levels[level][b].first
		if level == 0 {
			q.unlink(first)
			return q.fire(first)
		}
		q.levels[level][b] = bucket{}
		q.used[level] &^= 1 << b
		for n := first; n != 0; {
			next := q.timers[n].next
			q.link(n)
			n = next
		}
	}
}

// nextBucket is the first bucket in use, and when it starts. The bound moves up to what is known.
func (q *Queue[T]) nextBucket() (level, b int, start uint64) {
	for level, used := range q.used {
		if used == 0 {
			continue
		}
		b, shift := bits.TrailingZeros64(used), level*digit
		start := q.reached>>shift>>digit<<digit<<shift | uint64(b)<<shift
		q.bound = timeOf(start)
		if first := q.levels[level][b].first; q.timers[first].next == 0 {
			q.bound = timeOf(q.timers[first].at)
		}
		return level, b, start
	}
	// Without timers nothing is due. What there is and is not late is in a bucket.
	return 0, 0, math.MaxUint64
}

// fire ends a timer, which is in no bucket, and returns what it was.
func (q *Queue[T]) fire(n uint32) (v T, at record.Time, ok bool) {
	v, at = q.timers[n].value, timeOf(q.timers[n].at)
	q.release(n)
	return v, at, true
}

// link appends a timer to its bucket.
func (q *Queue[T]) link(n uint32) {
	t := &q.timers[n]
	level := 0
	if differs := t.at ^ q.reached; differs != 0 {
		level = (bits.Len64(differs) - 1) / digit
	}
	b := t.at >> (level * digit) % buckets
	if q.levels[level] == nil {
		q.levels[level] = new([buckets]bucket)
	}
	list := &q.levels[level][b]
	t.bucket = uint16(level*buckets) + uint16(b)
	t.next, t.prev = 0, list.last
	if list.last == 0 {
		list.first = n
		q.used[level] |= 1 << b
	} else {
		q.timers[list.last].next = n
	}
	list.last = n
}

// unlink takes a timer out of its bucket.
func (q *Queue[T]) unlink(n uint32) {
	t := &q.timers[n]
	level, b := t.bucket/buckets, t.bucket%buckets
	list := &q.levels[level][b]
	if t.prev == 0 {
		list.first = t.next
	} else {
		q.timers[t.prev].next = t.next
	}
	if t.next == 0 {
		list.last = t.prev
	} else {
		q.timers[t.next].prev = t.prev
	}
	if list.first == 0 {
		q.used[level] &^= 1 << b
	}
}

// take is the number of a timer that is not in use.
func (q *Queue[T]) take() uint32 {
	if n := q.free; n != 0 {
		q.free = q.timers[n].next
		return n
	}
	if q.timers == nil {
		q.timers = make([]timer[T], 1, 4)
	}
	q.timers = append(q.timers, timer[T]{})
	return uint32(len(q.timers) - 1)
}

func (q *Queue[T]) release(n uint32) {
	var none T
	t := &q.timers[n]
	t.value = none // what it holds is let go
	t.use++
	t.next, q.free = q.free, n
	q.count--
}
