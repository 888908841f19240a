package timer

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
)

// naive is a queue that looks at everything each time.
type naive struct {
	timers []naiveTimer // in the order of adding
}

type naiveTimer struct {
	at    record.Time
	value uint64
}

func (n *naive) first() int {
	first := -1
	for i, t := range n.timers {
		if first < 0 || t.at < n.timers[first].at {
			first = i
		}
	}
	return first
}

func (n *naive) pop(now record.Time) (value uint64, at record.Time, ok bool) {
	i := n.first()
	if i < 0 || n.timers[i].at > now {
		return 0, 0, false
	}
	t := n.timers[i]
	n.timers = slices.Delete(n.timers, i, i+1)
	return t.value, t.at, true
}

func (n *naive) cancel(value uint64) bool {
	i := slices.IndexFunc(n.timers, func(t naiveTimer) bool { return t.value == value })
	if i < 0 {
		return false
	}
	n.timers = slices.Delete(n.timers, i, i+1)
	return true
}

var times = rapid.OneOf(
	rapid.Int64Range(0, 20),
	rapid.Int64Range(-5, 5_000),
	rapid.Int64Range(0, 1<<40),
	rapid.Int64(),
)

// Any calls whatever give what the naive queue gives: invariants TM1 and TM2.
func TestQueueAgainstTheNaiveOne(t *testing.T) {
	for _, c := range contenders {
		t.Run(c.name, func(t *testing.T) { checkAgainstNaive(t, c.make) })
	}
}

func checkAgainstNaive(t *testing.T, newQueue func() queue) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			q     = newQueue()
			want  naive
			ids   = []ID{0}
			now   record.Time
			added uint64
		)
		pop := func() bool {
			v, at, ok := q.Pop(now)
			wantV, wantAt, wantOK := want.pop(now)
			if ok != wantOK || v != wantV || at != wantAt {
				t.Fatalf("Pop(%d) = %d, %d, %v; want %d, %d, %v", now, v, at, ok, wantV, wantAt, wantOK)
			}
			return ok
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				at := record.Time(times.Draw(t, "at"))
				if rapid.Bool().Draw(t, "from now") {
					at += now
				}
				added++
				ids = append(ids, q.Add(at, added))
				want.timers = append(want.timers, naiveTimer{at, added})
			},
			"cancel": func(t *rapid.T) {
				i := rapid.IntRange(0, len(ids)-1).Draw(t, "timer")
				if got, want := q.Cancel(ids[i]), want.cancel(uint64(i)); got != want {
					t.Fatalf("Cancel of timer %d = %v, want %v", i, got, want)
				}
			},
			"pop": func(t *rapid.T) { pop() },
			"advance": func(t *rapid.T) {
				now += record.Time(times.Draw(t, "by"))
				for pop() {
				}
				// Who sleeps until Next does not sleep for nothing for ever.
				if at, ok := q.Next(); ok && at <= now {
					t.Fatalf("Next = %d at %d, when all that is due was popped", at, now)
				}
			},
			"look": func(t *rapid.T) {
				at, ok := q.Next()
				if i := want.first(); ok != (i >= 0) || ok && at > want.timers[i].at {
					t.Fatalf("Next = %d, %v; the naive queue has %v", at, ok, want.timers)
				}
				if q.Len() != len(want.timers) {
					t.Fatalf("Len = %d, want %d", q.Len(), len(want.timers))
				}
			},
		})
	})
}

// Invariant TM3.
func TestQueueAllocatesNothing(t *testing.T) {
	var q Queue[*int]
	now := record.Time(0)
	for i := range 1000 {
		q.Add(record.Time(i*7919%1000), nil)
	}
	allocs := testing.AllocsPerRun(1000, func() {
		now++
		for {
			_, at, ok := q.Pop(now)
			if !ok {
				break
			}
			q.Cancel(q.Add(at+500, nil))
			q.Add(at+1000, nil)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a round", allocs)
	}
}

// What a timer held is let go when the timer is gone.
func TestQueueForgetsValues(t *testing.T) {
	var q Queue[*int]
	q.Add(1, new(int))
	q.Cancel(q.Add(2, new(int)))
	q.Pop(1)
	for i := range q.timers {
		if q.timers[i].value != nil {
			t.Errorf("timer %d holds a value", i)
		}
	}
}
