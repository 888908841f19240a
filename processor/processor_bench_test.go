package processor

import (
	"strconv"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// BenchmarkStatelessChain is one record through a filter, a mapping and another filter.
func BenchmarkStatelessChain(b *testing.B) {
	var h fakeHost
	n := int64(0)
	emit := Filter(h.step("first"), func(_ string, v int64) bool { return v >= 0 },
		MapValues(h.step("second"), func(_ string, v int64) int64 { return v + 1 },
			Filter(h.step("third"), func(_ string, v int64) bool { return v > 0 },
				func(r *rec) error {
					n += r.Value()
					return nil
				})))
	r := of("key", 1, 5)
	b.ReportAllocs()
	for b.Loop() {
		if err := emit(&r); err != nil {
			b.Fatal(err)
		}
	}
	if n == 0 {
		b.Fatal("nothing went through")
	}
}

// BenchmarkAggregateWindowed is a count in tumbling windows of 10 s over an in-memory store, a
// thousand records a millisecond, with keys taken in turn.
func BenchmarkAggregateWindowed(b *testing.B) {
	for _, keys := range []int{1_000, 100_000} {
		for _, onClose := range []bool{false, true} {
			b.Run("keys="+strconv.Itoa(keys)+"/on close="+strconv.FormatBool(onClose), func(b *testing.B) {
				benchmarkWindowed(b, keys, onClose)
			})
		}
	}
}

func benchmarkWindowed(b *testing.B, keys int, onClose bool) {
	var h fakeHost
	w := windowing.Tumbling(10 * time.Second)
	out := ChangeOut[windowing.Key[int64], int64]{
		Next: func(*Change[windowing.Key[int64], int64]) error { return nil },
	}
	if onClose {
		out.OnClose = &OnClose{Mark: new(record.Time(-1))}
	}
	emit := AggregateWindowed(h.step("count"), openWindow(b, w, serde.Int64(), serde.Int64()),
		WindowedConfig{Windows: w}, zeroOf(0), func(_ int64, _, n int64) int64 { return n + 1 }, out)
	records := make([]record.Record[int64, int64], keys)
	for i := range records {
		records[i] = record.New(int64(i), int64(1), 0)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		r := &records[i%keys]
		*r = r.WithTime(record.Time(i / 1000))
		if err := emit(r); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkProcess is a processor that reads a row, writes it and forwards it, over an in-memory store,
// with keys taken in turn.
func BenchmarkProcess(b *testing.B) {
	for _, keys := range []int{1_000, 100_000} {
		b.Run("keys="+strconv.Itoa(keys), func(b *testing.B) {
			f, rows := newRuntime(), openKeyValue(b, serde.Int64(), serde.Int64())
			emit := Run(f.env("count"), doing(func(c *Context[int64, int64], r record.Record[int64, int64]) error {
				n, _ := rows.Get(r.Key())
				rows.Put(r.Key(), n+1)
				c.Forward(r.WithValue(n + 1))
				return nil
			}), func(*record.Record[int64, int64]) error { return nil })
			f.mustStart(b)
			records := make([]record.Record[int64, int64], keys)
			for i := range records {
				records[i] = record.New(int64(i), int64(1), 5)
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if err := emit(&records[i%keys]); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
