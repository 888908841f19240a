package bench

import (
	"fmt"
	"os"
	"testing"

	"github.com/pitwheel/pitwheel/bench/internal/measure"
	"github.com/pitwheel/pitwheel/internal/reactor"
)

// unwatched is a task that nothing watches.
func unwatched(*reactor.TaskConfig) {}

// scaled is the flow over some partitions, each a task with a Pebble of its own, whose caches share one budget.
type scaled []*flow

func newScaled(b *testing.B, partitions, keys int) scaled {
	b.Helper()
	var s scaled
	shared := newShared(b)
	for range partitions {
		s = append(s, newPart(b, shared, part{keys: max(keys/partitions, 1), of: partitions, watch: unwatched}))
	}
	return s
}

// run processes n records or a few more, a batch of each partition in turn, and returns the CPU time of the process that they
// took, compactions included.
func (s scaled) run(b *testing.B, n int) (seconds float64) {
	b.Helper()
	began, apart := measure.CPU(), 0.0
	for n > 0 {
		for _, f := range s {
			if f.at == 0 {
				// Other keys in each pass over the records, so that all come up however many there are; that is
				// not the flow's time.
				before := measure.CPU()
				f.rekey()
				apart += measure.CPU() - before
			}
			size := min(flowBatch, len(f.raws)-f.at)
			f.run(b, size)
			n -= size
		}
	}
	return measure.CPU() - began - apart
}

// onlyAsked skips what takes minutes unless it is asked for: `make bench` is for every change.
func onlyAsked(b *testing.B) {
	b.Helper()
	if os.Getenv("PITWHEEL_SCALE") == "" {
		b.Skip("takes minutes: run make bench-scale, or set PITWHEEL_SCALE=1")
	}
}

// measureScale reports the CPU time of a record when all windows have what they will have.
func measureScale(b *testing.B, partitions, keys int) {
	b.Helper()
	s := newScaled(b, partitions, keys)
	s.run(b, 2*max(keys, 1<<20))
	b.ResetTimer()
	spent := s.run(b, b.N)
	b.ReportMetric(spent/float64(b.N)*1e9, "cpu-ns/record")
}

// BenchmarkKeys is a record's cost by how many keys there are, in 4 partitions.
func BenchmarkKeys(b *testing.B) {
	onlyAsked(b)
	for keys := 1000; keys <= 10_000_000; keys *= 10 {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) { measureScale(b, 4, keys) })
	}
}

// BenchmarkPartitions is a record's cost by how many partitions share 100,000 keys.
func BenchmarkPartitions(b *testing.B) {
	onlyAsked(b)
	for partitions := 1; partitions <= 64; partitions *= 2 {
		b.Run(fmt.Sprintf("partitions=%d", partitions), func(b *testing.B) { measureScale(b, partitions, flowKeys) })
	}
}
