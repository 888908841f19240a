package processor

import (
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// closing emits the windows of all keys when they are closed; see OnClose. Kafka:
// AbstractKStreamTimeWindowAggregateProcessor.maybeForwardFinalResult, but not its throttle of
// one emission a second by the wall clock.
type closing[K, A any] struct {
	rows    *store.WindowStore[K, A]
	windows windowing.Windows
	size    record.Time
	next    EmitChange[windowing.Key[K], A]
	mark    *record.Time

	due    record.Time // the close time at which more windows will be closed than at dueFor
	dueFor record.Time // the mark that due is for
	change Change[windowing.Key[K], A]
}

func newClosing[K, A any](
	rows *store.WindowStore[K, A], w windowing.Windows, out ChangeOut[windowing.Key[K], A],
) *closing[K, A] {
	return &closing[K, A]{
		rows:    rows,
		windows: w,
		size:    record.Time(w.Size() / time.Millisecond),
		next:    out.Next,
		mark:    out.OnClose.Mark,
		due:     nextDue(w, -1),
		dueFor:  -1,
	}
}

// emit hands on the windows that have closed since the mark, by start and then key bytes, each
// with its row's time and with the headers of the record that moved stream time.
func (c *closing[K, A]) emit(closeTime record.Time, h record.Headers) error {
	if *c.mark != c.dueFor {
		c.dueFor, c.due = *c.mark, nextDue(c.windows, *c.mark)
	}
	if closeTime < c.due {
		return nil
	}
	from := record.Time(0)
	if *c.mark >= 0 {
		from = max(0, *c.mark-c.size) + 1
	}
	if err := c.emitFrom(from, closeTime-c.size, h); err != nil {
		return err
	}
	*c.mark = closeTime
	return nil
}

// emitFrom hands on the windows that start in [from, to].
func (c *closing[K, A]) emitFrom(from, to record.Time, h record.Headers) error {
	for e := range c.rows.Entries(from, to) {
		c.change = Change[windowing.Key[K], A]{
			Key: e.Key, New: e.Value, HasNew: true, Time: e.Time, Headers: h,
		}
		if err := c.next(&c.change); err != nil {
			return err
		}
	}
	return nil
}

// nextDue is the first close time at which windows are closed that were not at mark. Until then
// no row need be looked at, so most records cost one comparison.
//
// Kafka Streams asks at each record whether the windows that hold closeTime-size are others than
// those that hold mark-size. They are the same until the next window starts or the first one of
// them ends.
func nextDue(w windowing.Windows, mark record.Time) record.Time {
	size := record.Time(w.Size() / time.Millisecond)
	if mark < 0 {
		return size
	}
	advance := record.Time(w.Advance() / time.Millisecond)
	at := max(0, mark-size)
	nextStart := windowing.End(at-at%advance, w.Advance())
	firstEnd := windowing.End(w.First(at), w.Size())
	return windowing.End(min(nextStart, firstEnd), w.Size())
}
