package processor

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

func openSliding[A any](t testing.TB, w windowing.Windows, value serde.Serde[A]) *store.KeyedWindowStore[string, A] {
	t.Helper()
	retention, ok := w.Retention()
	if !ok {
		t.Fatalf("the windows %+v are too long", w)
	}
	return store.OpenKeyedWindow(openSpace(t), store.Definition{
		Name: "rows", WindowSize: w.Size(), Retention: retention + time.Hour, ByTime: true,
	}, serde.String(), value)
}

func slide(t testing.TB, h *fakeHost, w windowing.Windows, out ChangeOut[wkey, int64]) Emit[string, int64] {
	return AggregateSliding(h.step("sum"), openSliding(t, w, serde.Int64()), WindowedConfig{Windows: w}, zeroOf(0), sum, out)
}

func at(key string, v int64, t record.Time) record.Record[string, int64] {
	return record.New(key, v, t)
}

// A record makes the window that ends at it and the one behind the record before it; one that comes
// out of order makes the one behind itself too, of what is there, with that one's time.
func TestSlidingWindowsFollowTheRecords(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := slide(t, &h, windowing.Sliding(10*ms).Grace(time.Second), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, at("a", 1, 20), at("a", 2, 25), at("a", 4, 22))
	got.want(t,
		wchange{Key: in("a", 10, 20), New: 1, HasNew: true, HasOld: true, Time: 20},
		wchange{Key: in("a", 21, 31), New: 2, HasNew: true, HasOld: true, Time: 25},
		wchange{Key: in("a", 15, 25), New: 3, HasNew: true, Old: 1, HasOld: true, Time: 25},
		wchange{Key: in("a", 21, 31), New: 6, HasNew: true, Old: 2, HasOld: true, Time: 25},
		wchange{Key: in("a", 15, 25), New: 7, HasNew: true, Old: 3, HasOld: true, Time: 25},
		wchange{Key: in("a", 12, 22), New: 5, HasNew: true, Old: 1, HasOld: true, Time: 22},
		wchange{Key: in("a", 23, 33), New: 2, HasNew: true, Time: 25})
	wantReasons(t, &h)
}

// "Drop whole record iff t+d < closeTime, single window accepts iff end >= closeTime": the close time
// itself is still open, unlike in tumbling windows.
func TestSlidingLateness(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := slide(t, &h, windowing.Sliding(10*ms).Grace(5*ms), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, at("b", 1, 60)) // close time 55
	pipe(t, emit, at("a", 1, 44)) // its last window ends at 54
	wantReasons(t, &h, Late)
	pipe(t, emit, at("a", 2, 45)) // its left window ends at 45; its right one, [46, 56], has nothing
	wantReasons(t, &h, Late, Late)
	pipe(t, emit, at("a", 4, 55), at("a", 8, 55))
	wantReasons(t, &h, Late, Late)
	if e := h.failed[1].Err; e == nil || e.Error() != "window [35, 45] is closed at stream time 60" {
		t.Errorf("error %v", e)
	}
	got.want(t,
		wchange{Key: in("b", 50, 60), New: 1, HasNew: true, HasOld: true, Time: 60},
		wchange{Key: in("a", 45, 55), New: 4, HasNew: true, HasOld: true, Time: 55},
		wchange{Key: in("a", 45, 55), New: 12, HasNew: true, Old: 4, HasOld: true, Time: 55})
}

func TestSlidingDropsNullKeysAndValues(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := slide(t, &h, windowing.Sliding(10*ms), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, at("", 1, 100).WithoutKey(), at("a", 1, 100).AsTombstone(), at("a", 1, 12))
	wantReasons(t, &h, NullKey, NullValue)
	if len(got.all) != 1 {
		t.Errorf("emitted %v, want the last record: what is dropped does not move stream time", got.all)
	}
}

// A function may change its aggregate in place, also one that another window began with.
func TestSlidingWindowsShareNothing(t *testing.T) {
	var h fakeHost
	w := windowing.Sliding(10 * ms).Grace(time.Second)
	rows := openSliding(t, w, serde.JSON[map[string]int64]())
	emit := AggregateSliding(h.step("sum"), rows, WindowedConfig{Windows: w},
		func() map[string]int64 { return map[string]int64{} },
		func(_ string, v int64, a map[string]int64) map[string]int64 {
			a[fmt.Sprint(v)]++
			return a
		},
		ChangeOut[wkey, map[string]int64]{Next: func(*Change[wkey, map[string]int64]) error { return nil }})
	pipe(t, emit, at("a", 20, 20), at("a", 25, 25), at("a", 22, 22), at("a", 18, 18), at("a", 29, 29))
	for k, held := range rows.All(0, math.MaxInt64) {
		for _, v := range []int64{20, 25, 22, 18, 29} {
			want := int64(0)
			if int64(k.Start) <= v && v <= int64(k.End) {
				want = 1
			}
			if held[fmt.Sprint(v)] != want {
				t.Errorf("window %v holds %v, want %d of %d", k, held, want, v)
			}
		}
	}
	wantReasons(t, &h)
}

// At the end of time there is no window behind a record, and those that would end later end there.
func TestSlidingWindowsAtTheEndOfTime(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := slide(t, &h, windowing.Sliding(10*ms), ChangeOut[wkey, int64]{Next: got.emit})
	const last = record.Time(math.MaxInt64)
	pipe(t, emit, at("a", 1, last-4), at("a", 2, last), at("a", 4, last), at("a", 8, last-4))
	got.want(t,
		wchange{Key: in("a", last-14, last-4), New: 1, HasNew: true, HasOld: true, Time: last - 4},
		wchange{Key: in("a", last-3, last), New: 2, HasNew: true, HasOld: true, Time: last},
		wchange{Key: in("a", last-10, last), New: 3, HasNew: true, Old: 1, HasOld: true, Time: last},
		wchange{Key: in("a", last-3, last), New: 6, HasNew: true, Old: 2, HasOld: true, Time: last},
		wchange{Key: in("a", last-10, last), New: 7, HasNew: true, Old: 3, HasOld: true, Time: last},
		wchange{Key: in("a", last-10, last), New: 15, HasNew: true, Old: 7, HasOld: true, Time: last})
	wantReasons(t, &h, Late)
}

func TestSlidingReturnsErrorsFromBelowAndFailures(t *testing.T) {
	var h fakeHost
	emit := slide(t, &h, windowing.Sliding(10*ms), ChangeOut[wkey, int64]{Next: func(*wchange) error { return errBelow }})
	r := at("a", 1, 20)
	if err := emit(&r); err != errBelow {
		t.Errorf("got %v, want %v", err, errBelow)
	}
	var got changes[wkey, int64]
	w := windowing.Sliding(10 * ms)
	boom := AggregateSliding(h.step("sum"), openSliding(t, w, serde.Int64()), WindowedConfig{Windows: w}, zeroOf(0),
		func(string, int64, int64) int64 { panic("boom") }, ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, boom, at("a", 1, 20))
	wantReasons(t, &h, Process)
	got.want(t)
}

// slidingInput is records of a few keys, near to one another in time.
func slidingInput(t *rapid.T) []record.Record[string, int64] {
	n := rapid.IntRange(1, 60).Draw(t, "records")
	base := rapid.SampledFrom([]int64{0, 0, 35, math.MaxInt64 - 60}).Draw(t, "base")
	all := make([]record.Record[string, int64], n)
	for i := range all {
		key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
		all[i] = at(key, 1<<min(i, 62), record.Time(base+rapid.Int64Range(0, 60).Draw(t, "time")))
	}
	return all
}

// Against the definition: a window's aggregate is of the records between its ends, both included; there
// is a window that ends at each record, or [0, size] for early ones, and one behind each record that
// has later ones within the size.
func TestSlidingWindowsAreWhatTheyHold(t *testing.T) {
	const size = 10
	rapid.Check(t, func(rt *rapid.T) {
		var h fakeHost
		w := windowing.Sliding(size * ms).Grace(time.Hour)
		rows := openSliding(t, w, serde.Int64())
		emit := AggregateSliding(h.step("sum"), rows, WindowedConfig{Windows: w}, zeroOf(0), sum,
			ChangeOut[wkey, int64]{Next: func(*wchange) error { return nil }})
		all := slidingInput(rt)
		for i := range all {
			if err := emit(&all[i]); err != nil {
				rt.Fatal(err)
			}
		}
		want := map[wkey]int64{}
		for _, r := range all {
			for _, start := range []record.Time{max(0, r.Time()-size), r.Time() + 1} {
				if start < 0 {
					continue // beyond the end of time
				}
				end, holds := windowing.End(start, size*ms), int64(0)
				for _, other := range all {
					if other.Key() == r.Key() && start <= other.Time() && other.Time() <= end {
						holds += other.Value()
					}
				}
				if holds != 0 {
					want[in(r.Key(), start, end)] = holds
				}
			}
		}
		if got := maps.Collect(rows.All(0, math.MaxInt64)); !maps.Equal(got, want) {
			rt.Fatalf("windows %v\nwant    %v", got, want)
		}
		if len(h.failed) > 0 {
			rt.Fatalf("failures %v", h.failed)
		}
	})
}

// On close each window comes once, as the last update left it, when stream time minus grace is beyond its
// end: by start, then key.
func TestSlidingOnCloseIsTheLastUpdate(t *testing.T) {
	const size = 10
	rapid.Check(t, func(rt *rapid.T) {
		var h, updated fakeHost
		grace := record.Time(rapid.Int64Range(0, 30).Draw(rt, "grace"))
		w := windowing.Sliding(size * ms).Grace(time.Duration(grace) * ms)
		var final, updates changes[wkey, int64]
		mark := record.Time(-1)
		onClose := slide(t, &h, w, ChangeOut[wkey, int64]{Next: final.emit, OnClose: &OnClose{Mark: &mark}})
		perUpdate := slide(t, &updated, w, ChangeOut[wkey, int64]{Next: updates.emit})
		last := map[wkey]wchange{}
		done := map[wkey]bool{}
		streamTime := record.Time(-1)
		for i, r := range slidingInput(rt) {
			before, seen := len(final.all), len(updates.all)
			if err := onClose(&r); err != nil {
				rt.Fatal(err)
			}
			if err := perUpdate(&r); err != nil {
				rt.Fatal(err)
			}
			for _, u := range updates.all[seen:] {
				last[u.Key] = u
			}
			streamTime = max(streamTime, r.Time())
			var due []wchange
			// Kafka Streams closes nothing at a record that is late or early.
			if r.Time() >= size && windowing.End(r.Time(), size*ms) >= streamTime-grace {
				for k, u := range last {
					if !done[k] && k.End < streamTime-grace {
						done[k] = true
						due = append(due, wchange{Key: k, New: u.New, HasNew: true, Time: u.Time})
					}
				}
			}
			slices.SortFunc(due, func(a, b wchange) int {
				return cmp.Or(cmp.Compare(a.Key.Start, b.Key.Start), cmp.Compare(a.Key.Key, b.Key.Key))
			})
			if !slices.EqualFunc(final.all[before:], due, func(a, b wchange) bool {
				return a.Key == b.Key && a.New == b.New && a.Time == b.Time && !a.HasOld
			}) {
				rt.Fatalf("record %d at stream time %d closed %v, want %v", i, streamTime, final.all[before:], due)
			}
		}
		if len(h.failed) != len(updated.failed) {
			rt.Fatalf("%d failures on close, %d per update", len(h.failed), len(updated.failed))
		}
	})
}
