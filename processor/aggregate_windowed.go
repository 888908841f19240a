package processor

import (
	"fmt"
	"math"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// WindowedConfig says which windows an aggregation is over.
type WindowedConfig struct {
	Windows windowing.Windows // valid: Validate has found nothing
	Counts  bool              // the function looks at no value: a null one is not in its way
}

// AggregateWindowed is Aggregate for each window that holds a record's time, in the order of
// their starts. A window takes records until stream time minus grace has reached its end; a record
// fails as Late for each of its windows that is closed. Unlike in Aggregate, a null value is
// aggregated where V holds null. Kafka: KStreamWindowAggregate.
func AggregateWindowed[K, V, A any](
	step *Step, s *store.WindowStore[K, A], w WindowedConfig,
	zero func() A, add func(K, V, A) A, out ChangeOut[windowing.Key[K], A],
) Emit[K, V] {
	return newWindowed(step, s, w, foldFrom(zero, add), out).process
}

// ReduceWindowed is Reduce for each window that holds a record's time, under the rules of
// AggregateWindowed. Kafka: TimeWindowedKStream.reduce.
func ReduceWindowed[K, V any](
	step *Step, s *store.WindowStore[K, V], w WindowedConfig,
	f func(k K, a, v V) V, out ChangeOut[windowing.Key[K], V],
) Emit[K, V] {
	return newWindowed(step, s, w, foldValues(f), out).process
}

// LateError says which window was closed to a record.
type LateError struct {
	Start, End record.Time // the window's
	HoldsEnd   bool        // the window holds its end
	StreamTime record.Time // the step's: the window closed when it was the end and grace, or beyond if it holds its end
}

// Error implements error.
func (e *LateError) Error() string {
	bracket := ")"
	if e.HoldsEnd {
		bracket = "]"
	}
	return fmt.Sprintf("window [%d, %d%s is closed at stream time %d", e.Start, e.End, bracket, e.StreamTime)
}

type windowed[K, V, A any] struct {
	step    *Step
	rows    *store.WindowStore[K, A]
	windows windowing.Windows
	advance record.Time
	grace   record.Time
	counts  bool
	fold    fold[K, V, A]
	nulls   inputNulls[K, V]

	streamTime record.Time // the highest time seen; -1 before the first
	out        *updates[windowing.Key[K], A]
	closing    *closing[K, A] // nil: the updates go out
}

func newWindowed[K, V, A any](
	step *Step, s *store.WindowStore[K, A], w WindowedConfig,
	f fold[K, V, A], out ChangeOut[windowing.Key[K], A],
) *windowed[K, V, A] {
	a := &windowed[K, V, A]{
		step:       step,
		rows:       s,
		windows:    w.Windows,
		advance:    record.Time(w.Windows.Advance() / time.Millisecond),
		grace:      record.Time(w.Windows.GracePeriod() / time.Millisecond),
		counts:     w.Counts,
		fold:       f,
		nulls:      nullsOf[K, V](step),
		streamTime: -1,
		out:        updatesTo(step, out),
	}
	if w.Windows.AreUnlimited() {
		a.advance = math.MinInt64 // there is no next window
	}
	if out.OnClose != nil {
		a.closing = newClosing(s, w.Windows, out)
	}
	return a
}

func (a *windowed[K, V, A]) process(r *record.Record[K, V]) error {
	if !r.HasKey() {
		return a.step.Fail(NullKey, nil)
	}
	// Before the test for lateness: a record is late against itself too (invariant O6).
	a.streamTime = max(a.streamTime, r.Time())
	failed, err := a.update(r)
	if err != nil || failed || a.closing == nil {
		return err
	}
	return a.closing.emit(a.streamTime-a.grace, r.Headers())
}

// update folds the record into its windows. If it failed by another reason than being late, the
// step is done with it.
func (a *windowed[K, V, A]) update(r *record.Record[K, V]) (failed bool, err error) {
	if !a.counts && !a.nulls.showsValue(r) {
		return false, a.step.Fail(NullValue, nil)
	}
	closeTime := a.streamTime - a.grace
	// A start beyond the end of time would be negative, as one behind an unlimited window is.
	for start := a.windows.First(r.Time()); 0 <= start && start <= r.Time(); start += a.advance {
		end := windowing.End(start, a.windows.Size())
		if end <= closeTime {
			if err := a.step.Fail(Late, &LateError{Start: start, End: end, StreamTime: a.streamTime}); err != nil {
				return true, err
			}
			continue
		}
		if failed, err := a.updateWindow(r, start, end); failed || err != nil {
			return failed, err
		}
	}
	return false, nil
}

func (a *windowed[K, V, A]) updateWindow(
	r *record.Record[K, V], start, end record.Time,
) (failed bool, err error) {
	stored, at, has := a.rows.Find(r.Key(), start)
	f, err := a.fold(r, stored, has)
	if err != nil {
		return true, a.step.Fail(Process, err)
	}
	key := windowing.Key[K]{Key: r.Key(), Start: start, End: end}
	c := a.out.make(key, f, rowTime(r.Time(), at, has), r.Headers())
	if c.HasNew {
		a.rows.Set(c.New, c.Time)
	} else {
		a.rows.Remove(r.Time())
	}
	if a.closing != nil {
		return false, nil
	}
	return false, a.out.emit(stored, has, r.Time())
}
