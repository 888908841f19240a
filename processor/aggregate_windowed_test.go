package processor

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

type (
	wkey    = windowing.Key[string]
	wchange = Change[wkey, int64]
)

const ms = time.Millisecond

func in(key string, start, end record.Time) wkey { return wkey{Key: key, Start: start, End: end} }

// count counts records in windows, null values too.
func count(t testing.TB, h *fakeHost, w windowing.Windows, out ChangeOut[wkey, int64]) Emit[string, nullable] {
	return AggregateWindowed(h.step("count"), openWindow(t, w, serde.String(), serde.Int64()), WindowedConfig{Windows: w},
		zeroOf(0), func(_ string, _ nullable, n int64) int64 { return n + 1 }, out)
}

func seen(key string, at record.Time) record.Record[string, nullable] {
	return record.New(key, valid(1), at)
}

func TestTumblingWindowsFold(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := count(t, &h, windowing.Tumbling(10*ms).Grace(time.Second), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, seen("a", 0).WithHeaders(headers), seen("a", 9), seen("a", 10), seen("b", 10), seen("a", 3))
	got.want(t,
		wchange{Key: in("a", 0, 10), New: 1, HasNew: true, HasOld: true, Time: 0, Headers: headers},
		wchange{Key: in("a", 0, 10), New: 2, HasNew: true, Old: 1, HasOld: true, Time: 9},
		wchange{Key: in("a", 10, 20), New: 1, HasNew: true, HasOld: true, Time: 10},
		wchange{Key: in("b", 10, 20), New: 1, HasNew: true, HasOld: true, Time: 10},
		wchange{Key: in("a", 0, 10), New: 3, HasNew: true, Old: 2, HasOld: true, Time: 9})
	wantReasons(t, &h)
}

func TestHoppingWindowsFoldByAscendingStart(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := count(t, &h, windowing.Hopping(10*ms, 4*ms).Grace(time.Second), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, seen("a", 3), seen("a", 13))
	got.want(t,
		wchange{Key: in("a", 0, 10), New: 1, HasNew: true, HasOld: true, Time: 3},
		wchange{Key: in("a", 4, 14), New: 1, HasNew: true, HasOld: true, Time: 13},
		wchange{Key: in("a", 8, 18), New: 1, HasNew: true, HasOld: true, Time: 13},
		wchange{Key: in("a", 12, 22), New: 1, HasNew: true, HasOld: true, Time: 13})
}

// "A window accepts iff end > closeTime", closeTime being stream time minus grace, and stream time
// including the record itself.
func TestLateRecordFailsForEachClosedWindow(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := count(t, &h, windowing.Hopping(10*ms, 5*ms).Grace(2*ms), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, seen("a", 16)) // close time 14: windows 10 and 15 are open
	pipe(t, emit, seen("b", 9))  // windows 0 (closed) and 5 (end 15 > 14)
	wantReasons(t, &h, Late)
	late, _ := h.failed[0].Err.(*LateError)
	if diff := cmp.Diff(&LateError{Start: 0, End: 10, StreamTime: 16}, late); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	pipe(t, emit, seen("c", 17)) // close time 15: window 5 is closed
	pipe(t, emit, seen("b", 9))
	wantReasons(t, &h, Late, Late, Late)
	got.want(t,
		wchange{Key: in("a", 10, 20), New: 1, HasNew: true, HasOld: true, Time: 16},
		wchange{Key: in("a", 15, 25), New: 1, HasNew: true, HasOld: true, Time: 16},
		wchange{Key: in("b", 5, 15), New: 1, HasNew: true, HasOld: true, Time: 9},
		wchange{Key: in("c", 10, 20), New: 1, HasNew: true, HasOld: true, Time: 17},
		wchange{Key: in("c", 15, 25), New: 1, HasNew: true, HasOld: true, Time: 17})
}

func TestLateRecordOfAFailingPolicyEndsTheTask(t *testing.T) {
	h := fakeHost{fatal: errFatal}
	var got changes[wkey, int64]
	emit := count(t, &h, windowing.Tumbling(10*ms), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, seen("a", 50))
	r := seen("a", 5)
	if err := emit(&r); err != errFatal {
		t.Errorf("got %v, want %v", err, errFatal)
	}
}

func TestWindowedNulls(t *testing.T) {
	t.Run("null values count where the type holds them", func(t *testing.T) {
		var h fakeHost
		var got changes[wkey, int64]
		emit := count(t, &h, windowing.Tumbling(10*ms), ChangeOut[wkey, int64]{Next: got.emit})
		pipe(t, emit, seen("a", 1).AsTombstone())
		got.want(t, wchange{Key: in("a", 0, 10), New: 1, HasNew: true, HasOld: true, Time: 1})
		wantReasons(t, &h)
	})
	// A null key does not move stream time, a null value does.
	t.Run("null keys do not move stream time", func(t *testing.T) {
		var h fakeHost
		var got changes[wkey, int64]
		emit := count(t, &h, windowing.Tumbling(10*ms), ChangeOut[wkey, int64]{Next: got.emit})
		pipe(t, emit, seen("", 100).WithoutKey(), seen("a", 1))
		wantReasons(t, &h, NullKey)
		if len(got.all) != 1 {
			t.Errorf("emitted %v, want the record after the null key", got.all)
		}
	})
	t.Run("null values move stream time", func(t *testing.T) {
		var h fakeHost
		w := windowing.Tumbling(10 * ms)
		emit := AggregateWindowed(h.step("sum"), openWindow(t, w, serde.String(), serde.Int64()), WindowedConfig{Windows: w},
			zeroOf(0), sum, ChangeOut[wkey, int64]{Next: (&changes[wkey, int64]{}).emit})
		pipe(t, emit, of("a", 0, 100).AsTombstone(), of("a", 1, 1))
		wantReasons(t, &h, NullValue, Late)
	})
}

func TestReduceWindowed(t *testing.T) {
	var h fakeHost
	var got changes[wkey, nullable]
	w := windowing.Tumbling(10 * ms)
	rows := openWindow(t, w, serde.String(), serde.Nullable(serde.Int64()))
	emit := ReduceWindowed(h.step("sum"), rows, WindowedConfig{Windows: w},
		func(_ string, a, v nullable) nullable {
			if v.V < 0 {
				return nullable{}
			}
			return valid(a.V + v.V)
		}, ChangeOut[wkey, nullable]{Next: got.emit})
	pipe(t, emit,
		record.New("a", valid(1), 7), record.New("a", valid(2), 3), record.New("a", valid(-1), 2),
		record.New("a", nullable{}, 4))
	if _, _, ok := rows.Find("a", 0); ok {
		t.Error("the window is still there")
	}
	got.want(t,
		Change[wkey, nullable]{Key: in("a", 0, 10), New: valid(1), HasNew: true, Time: 7},
		Change[wkey, nullable]{Key: in("a", 0, 10), New: valid(3), HasNew: true, Old: valid(1), HasOld: true, Time: 7},
		Change[wkey, nullable]{Key: in("a", 0, 10), Old: valid(3), HasOld: true, Time: 7},
		Change[wkey, nullable]{Key: in("a", 0, 10), Time: 4})
}

// A function that panics ends the step for the record: windows after it are not folded.
func TestWindowedPanicEndsTheRecord(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	w := windowing.Hopping(10*ms, 2*ms)
	calls := 0
	emit := AggregateWindowed(h.step("sum"), openWindow(t, w, serde.String(), serde.Int64()), WindowedConfig{Windows: w},
		zeroOf(0), func(_ string, v, a int64) int64 {
			if calls++; calls == 2 {
				panic("boom")
			}
			return a + v
		}, ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, record.New("a", int64(1), 20))
	wantReasons(t, &h, Process)
	got.want(t, wchange{Key: in("a", 12, 22), New: 1, HasNew: true, HasOld: true, Time: 20})
}

// Times at both ends of what is possible neither loop nor overflow.
func TestExtremeTimes(t *testing.T) {
	for _, w := range []windowing.Windows{
		windowing.Tumbling(ms),
		windowing.Tumbling(10 * time.Second).Grace(time.Duration(math.MaxInt64).Truncate(ms)),
		windowing.Hopping(10*time.Second, 3*time.Second),
		windowing.Tumbling(time.Duration(math.MaxInt64).Truncate(ms)),
	} {
		for _, close := range []bool{false, true} {
			var h fakeHost
			var got changes[wkey, int64]
			out := ChangeOut[wkey, int64]{Next: got.emit}
			mark := record.Time(-1)
			if close {
				out.OnClose = &OnClose{Mark: &mark}
			}
			emit := count(t, &h, w, out)
			pipe(t, emit, seen("a", math.MinInt64), seen("a", -1))
			if len(got.all) != 0 || len(h.failed) != 0 {
				t.Errorf("%+v: a negative time gave %v and failed %v", w, got.all, h.failed)
			}
			pipe(t, emit, seen("a", 0), seen("a", math.MaxInt64-1), seen("a", math.MaxInt64), seen("a", math.MaxInt64))
			for _, c := range got.all {
				if c.Key.Start < 0 || c.Key.End <= c.Key.Start {
					t.Errorf("%+v: emitted the window %v", w, c.Key)
				}
			}
		}
	}
}

// Random records against a model that follows the reference's sentences one by one.
func TestWindowedAggregateIsTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		advance := rapid.IntRange(1, 10).Draw(rt, "advance")
		size := advance + rapid.IntRange(0, 20).Draw(rt, "overlap")
		grace := rapid.IntRange(0, 15).Draw(rt, "grace")
		w := windowing.Hopping(time.Duration(size)*ms, time.Duration(advance)*ms).Grace(time.Duration(grace) * ms)
		onClose := rapid.Bool().Draw(rt, "on close")
		m := windowModel{
			size: size, advance: advance, grace: grace, onClose: onClose,
			streamTime: -1, mark: -1, rows: map[wkey]modelRow{},
		}

		var h fakeHost
		var got changes[wkey, int64]
		mark := record.Time(-1)
		out := ChangeOut[wkey, int64]{Next: got.emit}
		if onClose {
			out.OnClose = &OnClose{Mark: &mark}
		}
		emit := count(t, &h, w, out)
		for range rapid.IntRange(1, 60).Draw(rt, "records") {
			at := max(0, m.streamTime+rapid.IntRange(-40, 25).Draw(rt, "ahead"))
			key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key")
			m.process(key, at)
			r := seen(key, record.Time(at))
			if err := emit(&r); err != nil {
				rt.Fatal(err)
			}
			if int(mark) != m.mark {
				rt.Fatalf("after %v: mark %d, want %d", r, mark, m.mark)
			}
		}
		if diff := cmp.Diff(m.emitted, got.all); diff != "" {
			rt.Fatalf("emitted (-want +got):\n%s", diff)
		}
		if len(h.failed) != m.late {
			rt.Fatalf("%d late windows, want %d", len(h.failed), m.late)
		}
	})
}

// One window from its start on, which never closes; what is before is in none and not counted as late.
func TestUnlimitedWindow(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	const last = record.Time(math.MaxInt64)
	emit := count(t, &h, windowing.Unlimited(time.UnixMilli(0)), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, seen("a", last-1), seen("a", 0))
	later := count(t, &h, windowing.Unlimited(time.UnixMilli(10)), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, later, seen("a", 9), seen("a", 10))
	got.want(t,
		wchange{Key: in("a", 0, last), New: 1, HasNew: true, HasOld: true, Time: last - 1},
		wchange{Key: in("a", 0, last), New: 2, HasNew: true, Old: 1, HasOld: true, Time: last - 1},
		wchange{Key: in("a", 10, last), New: 1, HasNew: true, HasOld: true, Time: 10})
	wantReasons(t, &h)
}
