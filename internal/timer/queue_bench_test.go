package timer

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/record"
)

// queue is what is compared.
type queue interface {
	Add(at record.Time, v uint64) ID
	Cancel(id ID) bool
	Pop(now record.Time) (v uint64, at record.Time, ok bool)
	Next() (at record.Time, ok bool)
	Len() int
}

// contenders are the structures that docs/adr/0011-timers.md chooses from.
var contenders = []struct {
	name string
	most int // timers that it is measured with
	make func() queue
}{
	{"hierarchical", 10_000_000, func() queue { return new(Queue[uint64]) }},
	{"heap", 10_000_000, func() queue { return new(heap[uint64]) }},
	// With more it looks at thousands of timers for each that fires: it was stopped after 200 s.
	{"hashed", 100_000, func() queue { return new(hashed[uint64]) }},
}

const (
	// horizon is how far ahead timers are set: an hour.
	horizon = int64(time.Hour / time.Millisecond)
	// ops is how many operations on a queue are timed.
	ops = 1_000_000
)

// BenchmarkTimers fills a queue of so many timers and then, keeping their number, sets timers anew and
// fires them; in the end it fires without adding.
func BenchmarkTimers(b *testing.B) {
	for _, c := range contenders {
		for _, n := range []int{1_000, 100_000, 10_000_000} {
			if n > c.most {
				continue
			}
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				var total costs
				for b.Loop() {
					total.measure(c.make, n)
				}
				total.report(b, n)
			})
		}
	}
}

// costs are what the operations took, and how many bytes the timers.
type costs struct {
	insert, reset, hold, fire time.Duration
	bytes                     uint64
}

func (c *costs) measure(newQueue func() queue, n int) {
	r := rand.New(rand.NewPCG(1, 2))
	ahead := func() record.Time { return record.Time(r.Int64N(horizon)) }
	ids := make([]ID, n)
	before := heapBytes()
	q := newQueue()
	begin := cpu()
	for i := range ids {
		ids[i] = q.Add(ahead(), uint64(i))
	}
	c.insert += cpu() - begin
	c.bytes = heapBytes() - before

	begin = cpu()
	for range ops {
		i := r.IntN(n)
		q.Cancel(ids[i])
		ids[i] = q.Add(ahead(), uint64(i))
	}
	c.reset += cpu() - begin
	begin = cpu()
	for range ops {
		v, at, _ := q.Pop(1 << 60)
		q.Add(at+ahead(), v)
	}
	c.hold += cpu() - begin
	begin = cpu()
	for range min(n, ops) {
		q.Pop(1 << 60)
	}
	c.fire += cpu() - begin
}

func (c *costs) report(b *testing.B, n int) {
	per := func(total time.Duration, of int, unit string) {
		b.ReportMetric(float64(total.Nanoseconds())/float64(b.N*of), unit)
	}
	b.ReportMetric(0, "ns/op")
	per(c.insert, n, "ns/insert")
	per(c.reset, ops, "ns/cancel+insert")
	per(c.hold, ops, "ns/fire+insert")
	per(c.fire, min(n, ops), "ns/fire")
	b.ReportMetric(float64(c.bytes)/float64(n), "B/timer")
}

func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkFarTimers is a thousand timers over ten years, fired one after the other: how much the empty
// time between them costs.
func BenchmarkFarTimers(b *testing.B) {
	const n, tenYears = 1000, 10 * 365 * 24 * horizon
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				r, q := rand.New(rand.NewPCG(1, 2)), c.make()
				for i := range uint64(n) {
					q.Add(record.Time(r.Int64N(tenYears)), i)
				}
				for q.Len() > 0 {
					q.Pop(1 << 60)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/timer")
			b.ReportMetric(0, "ns/op")
		})
	}
}
