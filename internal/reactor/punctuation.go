package reactor

import (
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/internal/timer"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

// punctuations are what is scheduled in a task, by clock. Kafka: PunctuationQueue, one a clock.
type punctuations [2]timer.Queue[*punctuation]

// punctuation is a function that is called every so often. Kafka: PunctuationSchedule.
type punctuation struct {
	step      *processor.Step
	every     record.Time // in milliseconds
	call      func(at record.Time) error
	id        timer.ID
	cancelled bool
}

// Schedule has f called every d of the clock: processor.Host.
func (t *Task) Schedule(step *processor.Step, d time.Duration, clock windowing.Clock, f func(at record.Time) error) (cancel func()) {
	if d < time.Millisecond {
		panic(fmt.Sprintf("step %q schedules every %v: it must be at least a millisecond", step.Name, d))
	}
	p := &punctuation{step: step, every: record.Time(d.Milliseconds()), call: f}
	q := &t.punctuations[clock]
	first := record.Time(0) // stream time is aligned to the epoch
	if clock == windowing.WallClock {
		first = windowing.End(t.WallClock(), d)
	}
	p.id = q.Add(first, p)
	return func() {
		p.cancelled = true
		q.Cancel(p.id)
	}
}

// WallClock is what the machine's clock shows, or the test's.
func (t *Task) WallClock() record.Time { return t.config.Now() }

// Punctuate calls what is scheduled by the wall clock and due at now, once each, and says whether
// there was any. An error ends the task.
func (t *Task) Punctuate(now record.Time) (fired bool, err error) {
	if !t.punctuations[windowing.WallClock].Due(now) {
		return false, nil
	}
	defer t.catch(&err)
	fired, err = t.punctuate(windowing.WallClock, now)
	if err == nil {
		err = t.space.Err()
	}
	if err != nil {
		return fired, t.taskError(err)
	}
	return fired, nil
}

// punctuate calls what is due at now, in the order of the times it is due at; of equals, in the order
// of scheduling. What is scheduled meanwhile and already due is called too.
func (t *Task) punctuate(clock windowing.Clock, now record.Time) (fired bool, err error) {
	q := &t.punctuations[clock]
	for {
		p, at, ok := q.Pop(now)
		if !ok {
			return fired, nil
		}
		fired = true
		t.space.SetNow(now)
		put := len(t.outputs.Records)
		begin := time.Now()
		err := p.call(now)
		t.counters.Punctuations++
		t.counters.Punctuating += time.Since(begin)
		if err != nil {
			return fired, fmt.Errorf("punctuation of step %q: %w", p.step.Name, err)
		}
		t.punctuated = t.punctuated || len(t.outputs.Records) > put
		if next := p.next(at, now); next > now && !p.cancelled {
			p.id = q.Add(next, p)
		}
	}
}

// next is when the punctuation that was due at at and called at now is due again: a whole number of
// intervals after at, the first one after now. What was missed is not made up for. Not after now: it
// would be beyond the end of time. Kafka: PunctuationSchedule.next.
func (p *punctuation) next(at, now record.Time) record.Time {
	return now + p.every - (now-at)%p.every
}
