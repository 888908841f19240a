package processor

import (
	"cmp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/internal/timer"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// BenchmarkClosing compares two ways to emit windows when they close, in ns a record: as it is done, with
// the store's order of window starts; and with a timer for each row, set when the row is new, whose
// rows have to be sorted then. Windows are of 10 s; each key comes twice a window.
func BenchmarkClosing(b *testing.B) {
	for _, keys := range []int{1_000, 100_000} {
		b.Run("order/"+strconv.Itoa(keys), func(b *testing.B) { benchmarkClosing(b, keys, closedByOrder) })
		b.Run("timers/"+strconv.Itoa(keys), func(b *testing.B) { benchmarkClosing(b, keys, closedByTimers) })
	}
}

var tenSeconds = windowing.Tumbling(10 * time.Second)

func closedByOrder(b *testing.B, next func()) Emit[int64, int64] {
	var h fakeHost
	return AggregateWindowed(h.step("count"), openWindow(b, tenSeconds, serde.Int64(), serde.Int64()),
		WindowedConfig{Windows: tenSeconds}, zeroOf(0), func(_ int64, _, n int64) int64 { return n + 1 },
		ChangeOut[windowing.Key[int64], int64]{
			Next:    func(*Change[windowing.Key[int64], int64]) error { next(); return nil },
			OnClose: &OnClose{Mark: new(record.Time(-1))},
		})
}

func closedByTimers(b *testing.B, next func()) Emit[int64, int64] {
	var h fakeHost
	var timers timer.Queue[int64]
	var due []int64
	streamTime, windowEnd := record.Time(-1), record.Time(0)
	rows := openWindow(b, tenSeconds, serde.Int64(), serde.Int64())
	count := AggregateWindowed(h.step("count"), rows,
		WindowedConfig{Windows: tenSeconds}, zeroOf(0), func(k, _, n int64) int64 {
			if n == 0 {
				timers.Add(windowEnd, k)
			}
			return n + 1
		}, ChangeOut[windowing.Key[int64], int64]{
			Next: func(*Change[windowing.Key[int64], int64]) error { return nil },
		})
	return func(r *record.Record[int64, int64]) error {
		streamTime = max(streamTime, r.Time())
		windowEnd = streamTime - streamTime%10_000 + 10_000
		if err := count(r); err != nil {
			return err
		}
		if !timers.Due(streamTime) {
			return nil
		}
		due = due[:0]
		at := record.Time(0)
		for {
			k, end, ok := timers.Pop(streamTime)
			if !ok {
				break
			}
			due, at = append(due, k), end
		}
		slices.SortFunc(due, cmp.Compare)
		for _, k := range due {
			if _, _, ok := rows.Find(k, at-10_000); ok {
				next()
			}
		}
		return nil
	}
}

func benchmarkClosing(b *testing.B, keys int, bind func(*testing.B, func()) Emit[int64, int64]) {
	emitted := 0
	emit := bind(b, func() { emitted++ })
	// The keys in an order that says nothing, twice in ten seconds.
	const step = 7919
	i := 0
	var r record.Record[int64, int64]
	for b.Loop() {
		r = record.New(int64(i*step%keys), int64(1), record.Time(i*5000/keys))
		if err := emit(&r); err != nil {
			b.Fatal(err)
		}
		i++
	}
	if want := (i - 1) / (2 * keys) * keys; emitted != want {
		b.Fatalf("%d windows were emitted, want %d", emitted, want)
	}
}
