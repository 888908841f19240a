package processor

import (
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// Closed windows come by start, then key bytes, with their row's time, the headers of the record
// that moved stream time, and without an old value.
func TestOnCloseEmitsByStartThenKey(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	mark := record.Time(-1)
	emit := count(t, &h, windowing.Tumbling(10*ms).Grace(5*ms),
		ChangeOut[wkey, int64]{Next: got.emit, OnClose: &OnClose{Mark: &mark}})
	pipe(t, emit, seen("b", 12), seen("b", 4), seen("a", 8), seen("a", 11), seen("b", 3), seen("c", 24))
	got.want(t,
		wchange{Key: in("a", 0, 10), New: 1, HasNew: true, Time: 8},
		wchange{Key: in("b", 0, 10), New: 2, HasNew: true, Time: 4})
	if mark != 19 {
		t.Errorf("mark %d, want the close time 24-5", mark)
	}
	pipe(t, emit, seen("c", 25).WithHeaders(headers))
	got.want(t,
		wchange{Key: in("a", 0, 10), New: 1, HasNew: true, Time: 8},
		wchange{Key: in("b", 0, 10), New: 2, HasNew: true, Time: 4},
		wchange{Key: in("a", 10, 20), New: 1, HasNew: true, Time: 11, Headers: headers},
		wchange{Key: in("b", 10, 20), New: 1, HasNew: true, Time: 12, Headers: headers})
	wantReasons(t, &h)
}

// The mark that a commit kept is where a restarted task goes on, even if it is set after binding.
func TestOnCloseGoesOnFromTheMark(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	mark := record.Time(-1)
	w := windowing.Tumbling(10 * ms)
	rows := openWindow(t, w, serde.String(), serde.Int64())
	for start := record.Time(0); start < 40; start += 10 {
		rows.Find("a", start)
		rows.Set(int64(start), start)
	}
	emit := AggregateWindowed(h.step("sum"), rows, WindowedConfig{Windows: w}, zeroOf(0), sum,
		ChangeOut[wkey, int64]{Next: got.emit, OnClose: &OnClose{Mark: &mark}})
	mark = 20
	pipe(t, emit, of("b", 1, 30))
	got.want(t, wchange{Key: in("a", 20, 30), New: 20, HasNew: true, Time: 20, Headers: headers})
	if mark != 30 {
		t.Errorf("mark %d, want 30", mark)
	}
}

// Where emitting fails the mark stays: the task ends, and what replaces it emits the window again.
func TestOnCloseErrorKeepsTheMark(t *testing.T) {
	var h fakeHost
	mark := record.Time(-1)
	emit := count(t, &h, windowing.Tumbling(10*ms), ChangeOut[wkey, int64]{
		Next:    func(*wchange) error { return errBelow },
		OnClose: &OnClose{Mark: &mark},
	})
	pipe(t, emit, seen("a", 1))
	r := seen("a", 10)
	if err := emit(&r); err != errBelow {
		t.Errorf("got %v, want %v", err, errBelow)
	}
	if mark != -1 {
		t.Errorf("mark %d, want -1", mark)
	}
}

// A late record closes windows too: it is the step's stream time that counts.
func TestLateRecordClosesWindows(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	mark := record.Time(-1)
	w := windowing.Tumbling(10 * ms)
	emit := AggregateWindowed(h.step("sum"), openWindow(t, w, serde.String(), serde.Int64()), WindowedConfig{Windows: w},
		zeroOf(0), func(_ string, v, a int64) int64 {
			if v < 0 {
				panic("boom")
			}
			return a + v
		}, ChangeOut[wkey, int64]{Next: got.emit, OnClose: &OnClose{Mark: &mark}})
	pipe(t, emit, of("a", 1, 5))
	pipe(t, emit, of("a", -1, 15)) // moves stream time; fails before it closes anything
	got.want(t)
	pipe(t, emit, of("b", 1, 3)) // late
	wantReasons(t, &h, Process, Late)
	got.want(t, wchange{Key: in("a", 0, 10), New: 1, HasNew: true, Time: 5, Headers: headers})
}

// A window whose aggregate became null is not there to be emitted.
func TestDeletedWindowIsNotEmittedOnClose(t *testing.T) {
	var h fakeHost
	var got changes[wkey, nullable]
	mark := record.Time(-1)
	w := windowing.Tumbling(10 * ms)
	emit := ReduceWindowed(h.step("sum"), openWindow(t, w, serde.String(), serde.Nullable(serde.Int64())),
		WindowedConfig{Windows: w}, func(string, nullable, nullable) nullable { return nullable{} },
		ChangeOut[wkey, nullable]{Next: got.emit, OnClose: &OnClose{Mark: &mark}})
	pipe(t, emit,
		record.New("a", valid(1), 1), record.New("a", valid(1), 2), record.New("b", valid(1), 3),
		record.New("c", valid(1), 50))
	got.want(t, Change[wkey, nullable]{Key: in("b", 0, 10), New: valid(1), HasNew: true, Time: 3})
}
