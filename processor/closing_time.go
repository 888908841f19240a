package processor

import (
	"iter"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// timeClosing emits windows that follow the records, and hold their end, when they are closed; see OnClose.
// Kafka: AbstractKStreamTimeWindowAggregateProcessor, KStreamSessionWindowAggregate, but not their throttle
// of one emission a second by the wall clock.
type timeClosing[K, A any] struct {
	rows rowsByTime[K, A]
	size record.Time // from the time that rows stand by to the window's end
	next EmitChange[windowing.Key[K], A]
	mark *record.Time

	first    record.Time // no window that is still to be emitted stands before
	firstFor record.Time // the mark that first is for; -2: none
	change   Change[windowing.Key[K], A]
}

// rowsByTime is a store with an index by time.
type rowsByTime[K, A any] interface {
	ByTime(from, to record.Time) iter.Seq[store.Entry[windowing.Key[K], A]]
	First(from record.Time) (at record.Time, ok bool)
}

func newTimeClosing[K, A any](
	rows rowsByTime[K, A], size record.Time, out ChangeOut[windowing.Key[K], A],
) *timeClosing[K, A] {
	return &timeClosing[K, A]{rows: rows, size: size, next: out.Next, mark: out.OnClose.Mark, firstFor: -2}
}

// wrote takes note of a window that was written, by the time that it stands by.
func (c *timeClosing[K, A]) wrote(at record.Time) { c.first = min(c.first, at) }

// emit hands on the windows that end before the close time and did not before the mark, by time and then
// key bytes, with the headers of the record that moved stream time. Most records cost a comparison.
func (c *timeClosing[K, A]) emit(closeTime record.Time, h record.Headers) error {
	to := closeTime - c.size - 1
	if to < 0 || closeTime <= *c.mark {
		return nil
	}
	from := max(0, *c.mark-c.size)
	if *c.mark != c.firstFor {
		c.first = from
	}
	if c.first <= to {
		for e := range c.rows.ByTime(from, to) {
			c.change = Change[windowing.Key[K], A]{
				Key: e.Key, New: e.Value, HasNew: true, Time: e.Time, Headers: h,
			}
			if c.size == 0 { // sessions' results have their end as time
				c.change.Time = e.Key.End
			}
			if err := c.next(&c.change); err != nil {
				return err
			}
		}
		c.first = store.EndOfTime
		if first, ok := c.rows.First(to + 1); ok {
			c.first = first
		}
	}
	*c.mark, c.firstFor = closeTime, closeTime
	return nil
}
