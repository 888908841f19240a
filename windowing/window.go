package windowing

import (
	"fmt"
	"math"
	"time"

	"github.com/pitwheel/pitwheel/record"
)

// Key is a key in the window from Start to End, which sliding windows and sessions hold and others do not.
// Kafka: org.apache.kafka.streams.kstream.Windowed.
type Key[K any] struct {
	Key        K
	Start, End record.Time
}

// String is "key@start/end", in milliseconds.
func (k Key[K]) String() string { return fmt.Sprintf("%v@%d/%d", k.Key, k.Start, k.End) }

// Windows says which windows hold a record's time. Tumbling and hopping windows are aligned to the
// epoch, [start, start+size), a new one every advance; sliding windows follow the records. Kafka:
// org.apache.kafka.streams.kstream.TimeWindows, SlidingWindows.
type Windows struct {
	size, advance, grace time.Duration
	sliding              bool
	unlimited            bool
	start                record.Time // of an unlimited window
}

// Tumbling windows follow one another without gap or overlap. The size is at least a millisecond
// and a whole number of them; Validate says so otherwise.
func Tumbling(size time.Duration) Windows { return Windows{size: size, advance: size} }

// Hopping windows of one size start every advance, which is at most the size.
func Hopping(size, advance time.Duration) Windows { return Windows{size: size, advance: advance} }

// Sliding windows hold records that are at most diff apart: one for each different set of a key's
// records, [end-diff, end], both ends included. diff is at least a millisecond and a whole number of
// them. Records earlier than diff after the epoch share the window [0, diff]. Kafka:
// SlidingWindows.ofTimeDifferenceWithNoGrace (KIP-450).
func Sliding(diff time.Duration) Windows { return Windows{size: diff, sliding: true} }

// Unlimited is one window from start on that never ends: records before it are in none. The start is a
// whole number of milliseconds, not before the epoch. Kafka: UnlimitedWindows.of, startOn.
func Unlimited(start time.Time) Windows {
	return Windows{size: endless, unlimited: true, start: record.TimeOf(start)}
}

// endless is the size of an unlimited window. As no whole number of milliseconds it is no other's.
const endless = time.Duration(math.MaxInt64)

// Grace is how long after a window's end, in stream time, a late record still counts. Zero: none.
// Kafka: TimeWindows.ofSizeAndGrace.
func (w Windows) Grace(d time.Duration) Windows {
	w.grace = d
	return w
}

// Size is the length of a window: from its start to its end.
func (w Windows) Size() time.Duration { return w.size }

// Advance is from one window's start to the next one's; zero of sliding windows and an unlimited one.
func (w Windows) Advance() time.Duration { return w.advance }

// AreSliding says that the windows follow the records, and hold their end.
func (w Windows) AreSliding() bool { return w.sliding }

// AreUnlimited says that there is one window, which never closes.
func (w Windows) AreUnlimited() bool { return w.unlimited }

// GracePeriod is what Grace set.
func (w Windows) GracePeriod() time.Duration { return w.grace }

// Validate returns what is wrong with the windows and how to mend it; nil if nothing is.
func (w Windows) Validate() error {
	switch {
	case w.unlimited && w.start < 0:
		return fmt.Errorf("windowing: unlimited window from %d ms: must not start before the epoch", w.start)
	case w.unlimited && w.grace != 0:
		return fmt.Errorf("windowing: grace %v: an unlimited window never closes, so it has none", w.grace)
	case w.unlimited:
		return nil
	case w.size < time.Millisecond || w.size%time.Millisecond != 0:
		return fmt.Errorf("windowing: window size %v: must be a whole number of milliseconds, at least 1", w.size)
	case !w.sliding && (w.advance < time.Millisecond || w.advance > w.size || w.advance%time.Millisecond != 0):
		return fmt.Errorf("windowing: advance %v: must be a whole number of milliseconds, at least 1 and "+
			"at most the size %v", w.advance, w.size)
	case w.grace < 0 || w.grace%time.Millisecond != 0:
		return fmt.Errorf("windowing: grace %v: must be a whole number of milliseconds, not negative", w.grace)
	}
	return nil
}

// Retention is how long the windows must be kept from their start, so that a late record finds what it
// needs; false: too long for a time. Sliding windows need as long again: what a record's windows are
// depends on the windows before.
func (w Windows) Retention() (d time.Duration, ok bool) {
	parts := []time.Duration{w.size, w.grace}
	if w.sliding {
		parts = append(parts, w.size)
	}
	return sum(parts...)
}

// sum is false if the sum is beyond what a duration can be. None is negative.
func sum(parts ...time.Duration) (d time.Duration, ok bool) {
	for _, part := range parts {
		if d += part; d < part {
			return 0, false
		}
	}
	return d, true
}

// First is the start of the earliest aligned window that holds t, never negative; the others that hold
// it start every Advance after it, up to t. No window holds a negative t: then First is 0, after t.
// Kafka: TimeWindows.windowsFor.
func (w Windows) First(t record.Time) record.Time {
	if w.unlimited {
		return w.start
	}
	advance := record.Time(w.advance / time.Millisecond)
	overlap := record.Time(w.size/time.Millisecond) - advance
	if t < overlap { // asked before subtracting, which could overflow
		return 0
	}
	first := t - overlap
	return first - first%advance
}
