package store

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// The look-up benchmarks time blocks of 16 look-ups and report percentiles of a block's mean: one
// look-up is shorter than the clock is exact. "independent" look-ups overlap their cache misses, as
// those of a batch of records do; of a "chain" each needs the value of the one before.

const blockSize = 16

// benchKeys makes keys from numbers without looking anything up: a record's key is at hand when
// its row is looked for. A key is good until the buffer is used again.
type benchKeys[K any] struct {
	name  string
	of    func(n int64, buf *[16]byte) K
	serde serde.Serde[K]
}

var (
	int64Keys  = benchKeys[int64]{"int64", func(n int64, _ *[16]byte) int64 { return n * 7 }, serde.Int64()}
	stringKeys = benchKeys[string]{"string", benchString, serde.String()}
)

// benchString is a key of 13 bytes.
func benchString(n int64, buf *[16]byte) string {
	copy(buf[:], "user-")
	binary.BigEndian.PutUint64(buf[5:13], uint64(n))
	return unsafe.String(&buf[0], 13)
}

// openBench is a window store in memory with n keys in the window at 0, each with the number of
// another key in a cycle through all.
func openBench[K any](b *testing.B, keys benchKeys[K], n int) *WindowStore[K, int64] {
	s, err := OpenSpace(SpaceConfig{Shared: NewShared(1<<40, 0)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	w := OpenWindow(s, Definition{Name: "counts", WindowSize: time.Minute}, keys.serde, serde.Int64())
	order := rand.New(rand.NewPCG(1, 2)).Perm(n)
	var buf [16]byte
	for i := range n {
		w.Find(keys.of(int64(order[i]), &buf), 0)
		w.Set(int64(order[(i+1)%n]), 1)
	}
	if err := s.Apply(s.Freeze(), Checkpoint{}); err != nil {
		b.Fatal(err)
	}
	return w
}

// report gives the percentiles of block times.
func report(b *testing.B, blocks []time.Duration) {
	slices.Sort(blocks)
	var sum time.Duration
	for _, d := range blocks {
		sum += d
	}
	perOp := func(d time.Duration) float64 { return float64(d) / blockSize }
	b.ReportMetric(perOp(sum)/float64(len(blocks)), "mean-ns")
	b.ReportMetric(perOp(blocks[len(blocks)/2]), "p50-ns")
	b.ReportMetric(perOp(blocks[len(blocks)*99/100]), "p99-ns")
	b.ReportMetric(0, "ns/op")
}

// timeBlocks prepares the keys of a block outside of the measured time.
func timeBlocks[K any](b *testing.B, keys benchKeys[K], number func() int64, look func(key K)) {
	var blocks []time.Duration
	var picked [blockSize]K
	var bufs [blockSize][16]byte
	for b.Loop() {
		for i := range picked {
			picked[i] = keys.of(number(), &bufs[i])
		}
		from := time.Now()
		for i := range picked {
			look(picked[i])
		}
		blocks = append(blocks, time.Since(from))
	}
	report(b, blocks)
}

func benchFind[K any](b *testing.B, keys benchKeys[K], n int) {
	w := openBench(b, keys, n)
	size := fmt.Sprintf("%s/%d", keys.name, n)
	random := rand.New(rand.NewPCG(3, 4))
	present := func() int64 { return random.Int64N(int64(n)) }
	absent := func() int64 { return int64(n) + random.Int64N(1<<40) }
	b.Run("independent/"+size, func(b *testing.B) {
		timeBlocks(b, keys, present, func(key K) { w.Find(key, 0) })
	})
	b.Run("batch/"+size, func(b *testing.B) { benchBatch(b, w, keys, present) })
	b.Run("absent/"+size, func(b *testing.B) {
		timeBlocks(b, keys, absent, func(key K) { w.Find(key, 0) })
	})
	b.Run("count/"+size, func(b *testing.B) {
		timeBlocks(b, keys, present, func(key K) {
			v, _, _ := w.Find(key, 0)
			w.Set(v+1, 2)
		})
	})
	// The counts have spoilt the cycle.
	w = openBench(b, keys, n)
	b.Run("chain/"+size, func(b *testing.B) {
		var blocks []time.Duration
		var at int64
		var buf [16]byte
		for b.Loop() {
			from := time.Now()
			for range blockSize {
				at, _, _ = w.Find(keys.of(at, &buf), 0)
			}
			blocks = append(blocks, time.Since(from))
		}
		report(b, blocks)
	})
}

// benchBatch looks up what a batch of records does: its keys' bytes are touched, then looked up.
func benchBatch[K any](b *testing.B, w *WindowStore[K, int64], keys benchKeys[K], number func() int64) {
	var blocks []time.Duration
	var picked [blockSize]K
	var bufs [blockSize][16]byte
	raw := make([][]byte, blockSize)
	for b.Loop() {
		for i := range picked {
			picked[i] = keys.of(number(), &bufs[i])
			raw[i], _ = keys.serde.Append(raw[i][:0], picked[i])
		}
		from := time.Now()
		w.Ahead(0, raw)
		for i := range picked {
			w.Find(picked[i], 0)
		}
		blocks = append(blocks, time.Since(from))
	}
	report(b, blocks)
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		benchFind(b, int64Keys, n)
		benchFind(b, stringKeys, n)
	}
}

// BenchmarkCommit freezes and applies dirty rows; ns/row.
func BenchmarkCommit(b *testing.B) {
	for _, place := range []string{"memory", "disk"} {
		for _, n := range []int{1_000, 50_000} {
			b.Run(fmt.Sprintf("%s/%d", place, n), func(b *testing.B) {
				c := SpaceConfig{Shared: NewShared(1<<40, 64<<20)}
				if place == "disk" {
					c.Dir = b.TempDir()
				}
				s, err := OpenSpace(c)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				w := OpenWindow(s, Definition{Name: "counts"}, serde.String(), serde.Int64())
				var freeze, apply time.Duration
				for b.Loop() {
					for i := range n {
						w.Find(fmt.Sprintf("user-%d", i), 0)
						w.Set(int64(i), 1)
					}
					t0 := time.Now()
					f := s.Freeze()
					t1 := time.Now()
					if err := s.Apply(f, Checkpoint{}); err != nil {
						b.Fatal(err)
					}
					freeze, apply = freeze+t1.Sub(t0), apply+time.Since(t1)
				}
				b.ReportMetric(float64(freeze)/float64(b.N*n), "freeze-ns/row")
				b.ReportMetric(float64(apply)/float64(b.N*n), "apply-ns/row")
			})
		}
	}
}

// TestBytesPerKey is the budget of goal G10: at every size of the table at most 100 bytes of cache
// a key, in the generation they are written in.
func TestBytesPerKey(t *testing.T) {
	s, err := OpenSpace(SpaceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := OpenWindow(s, Definition{Name: "counts"}, serde.Bytes(), serde.Int64())
	worst := 0.0
	for n := range 200_000 {
		w.Find(binary.BigEndian.AppendUint64([]byte("12345678"), uint64(n)), 0)
		w.Set(1, record.Time(n))
		if perKey := float64(s.stores[0].held()) / float64(n+1); n > 1000 && perKey > worst {
			worst = perKey
		}
	}
	if worst > 100 {
		t.Errorf("%.1f bytes of cache a key, want at most 100", worst)
	}
	t.Logf("at most %.1f bytes of cache a key", worst)
}
