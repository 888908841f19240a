package reactor

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// ticker is what a test does in a step: setUp when it is bound, then process with each record, which
// is not handed on.
type ticker struct {
	setUp   func(step *processor.Step, emit func(value string, at record.Time))
	process func(r *record.Record[string, string])
}

// ticking is a plan of a step "ticker" between topics "in" and "out".
func ticking(b *topology.Builder, k *ticker) func(*plan.Plan) {
	of := func(name string) topology.Topic[string, string] {
		return topology.NewTopic(name, serde.String(), serde.String())
	}
	b.Stream(of("in")).Peek(func(string, string) {}, topology.Name("ticker")).To(of("out"))
	return func(p *plan.Plan) {
		n := p.Subtopologies[0].Nodes[1]
		n.Bind = func(b plan.Binder, children []any) any {
			next := processor.FanOut[string, string](children)
			k.setUp(b.Step(n), func(value string, at record.Time) {
				r := record.New("tick", value, at)
				if err := next(&r); err != nil {
					panic(err)
				}
			})
			return processor.Emit[string, string](func(r *record.Record[string, string]) error {
				if k.process != nil {
					k.process(r)
				}
				return nil
			})
		}
	}
}

// newTicking is a task of a ticker, whose wall clock is *now.
func newTicking(t scriptedT, k *ticker, now *record.Time) *scripted {
	b := topology.NewBuilder()
	change := ticking(b, k)
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	change(p.Compiled())
	return newScriptedAt(t, p.Compiled().Subtopologies[0], func() record.Time { return *now })
}

// wall moves the wall clock and fires what is due.
func (s *scripted) wall(now record.Time) {
	fired, err := s.task.Punctuate(now)
	s.must(err)
	s.printf("wall clock %d, fired: %v\n", now, fired)
	s.takeOutputs()
}

func (s *scripted) wantOutputs(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.pending); diff != "" {
		t.Errorf("put out (-want +got):\n%s", diff)
	}
}

func tick(value string, at record.Time) string {
	return fmt.Sprintf(`out[1] "tick" = %q @ %d []`, value, at)
}

// The first record fires it, whatever its time; then each that reaches another multiple of the
// interval, once. Kafka Streams: StreamTask.schedule, PunctuationSchedule.next.
func TestStreamTimePunctuation(t *testing.T) {
	var now record.Time
	s := newTicking(t, &ticker{setUp: func(step *processor.Step, emit func(string, record.Time)) {
		step.Host.Schedule(step, time.Second, windowing.StreamTime, func(at record.Time) error {
			emit("s", at)
			return nil
		})
	}}, &now)
	s.run(`
		feed a=x@1500 a=x@1600 a=x@1999 a=x@900 a=x@2000 a=x@2999 a=x@7500 a=x@7999 a=x@8000
		step 100`)
	s.wantOutputs(t, tick("s", 1500), tick("s", 2000), tick("s", 7500), tick("s", 8000))
}

// By the wall clock the interval begins with the scheduling. What was missed is not made up for, and
// the beat is kept.
func TestWallClockPunctuation(t *testing.T) {
	now := record.Time(100)
	s := newTicking(t, &ticker{setUp: func(step *processor.Step, emit func(string, record.Time)) {
		step.Host.Schedule(step, time.Second, windowing.WallClock, func(at record.Time) error {
			emit("w", at)
			return nil
		})
	}}, &now)
	if at, ok := s.task.NextWake(); !ok || at != 1100 {
		t.Errorf("the first is due at %d, %v; want 1100", at, ok)
	}
	for _, at := range []record.Time{100, 1099, 1100, 1101, 2200, 9000, 9099, 9100} {
		s.wall(at)
	}
	s.wantOutputs(t, tick("w", 1100), tick("w", 2200), tick("w", 9000), tick("w", 9100))
}

// Those of one time are called in the order of their scheduling; one that is scheduled in a
// punctuation and due is called in the same round, and a cancelled one no more.
func TestPunctuationsScheduleAndCancel(t *testing.T) {
	var now record.Time
	s := newTicking(t, &ticker{setUp: func(step *processor.Step, emit func(string, record.Time)) {
		every := func(d time.Duration, f func(at record.Time)) (cancel func()) {
			return step.Host.Schedule(step, d, windowing.StreamTime, func(at record.Time) error {
				f(at)
				return nil
			})
		}
		var once, second func()
		once = every(time.Millisecond, func(at record.Time) {
			emit("once", at)
			once()
			once()
			every(time.Second, func(at record.Time) { emit("inner", at) })
		})
		every(time.Second, func(at record.Time) {
			emit("first", at)
			if at == 2000 {
				second()
			}
		})
		second = every(time.Second, func(at record.Time) { emit("second", at) })
	}}, &now)
	s.run("feed a=x@0 a=x@1000 a=x@2000 a=x@3000\nstep 100")
	s.wantOutputs(t,
		tick("once", 0), tick("first", 0), tick("second", 0), tick("inner", 0),
		tick("first", 1000), tick("second", 1000), tick("inner", 1000),
		tick("first", 2000), tick("inner", 2000),
		tick("first", 3000), tick("inner", 3000))
}

// What a punctuation puts out is committed though no input has moved; one that did nothing is not.
func TestPunctuationIsCommitted(t *testing.T) {
	var now record.Time
	quiet := true
	s := newTicking(t, &ticker{setUp: func(step *processor.Step, emit func(string, record.Time)) {
		step.Host.Schedule(step, time.Second, windowing.WallClock, func(at record.Time) error {
			if !quiet {
				emit("w", at)
			}
			return nil
		})
	}}, &now)
	s.run("feed a=x@0\nstep 1\ncommit")
	seq := s.task.seq
	s.wall(1000)
	s.commit()
	if s.task.seq != seq {
		t.Error("a punctuation that did nothing was committed")
	}
	quiet = false
	s.wall(2000)
	s.commit()
	if s.task.seq != seq+1 {
		t.Error("a punctuation's output was not committed")
	}
	s.commit()
	if s.task.seq != seq+1 {
		t.Error("it was committed twice")
	}
	if diff := cmp.Diff([]string{tick("w", 2000)}, s.outputs); diff != "" {
		t.Errorf("committed (-want +got):\n%s", diff)
	}
}

// An abort drops what punctuations did and what is scheduled; the steps are bound anew and schedule
// again. A cancel from before means none of those.
func TestAbortForgetsSchedules(t *testing.T) {
	var now record.Time
	var cancels []func()
	s := newTicking(t, &ticker{setUp: func(step *processor.Step, emit func(string, record.Time)) {
		for _, clock := range []windowing.Clock{windowing.StreamTime, windowing.WallClock} {
			cancels = append(cancels, step.Host.Schedule(step, time.Second, clock, func(at record.Time) error {
				emit(clock.String(), at)
				return nil
			}))
		}
	}}, &now)
	s.run("feed a=x@700 a=x@1000\nstep 1")
	s.wall(1000)
	now = 1300
	s.run("abort")
	for _, cancel := range cancels[:2] {
		cancel()
	}
	s.run("step 100")
	s.wall(2299)
	s.wall(2300)
	s.run("commit\ncommit")
	if diff := cmp.Diff([]string{tick("stream time", 700), tick("stream time", 1000), tick("wall clock", 2300)}, s.outputs); diff != "" {
		t.Errorf("committed (-want +got):\n%s", diff)
	}
	if at, ok := s.task.NextWake(); !ok || at != 3300 {
		t.Errorf("the next is due at %d, %v; want 3300", at, ok)
	}
}

func TestFailedPunctuationEndsTheTask(t *testing.T) {
	for name, f := range map[string]func(record.Time) error{
		"error": func(record.Time) error { return errors.New("broken") },
		"panic": func(record.Time) error { panic("broken") },
	} {
		for _, clock := range []windowing.Clock{windowing.StreamTime, windowing.WallClock} {
			var now record.Time
			s := newTicking(t, &ticker{setUp: func(step *processor.Step, _ func(string, record.Time)) {
				step.Host.Schedule(step, time.Second, clock, f)
			}}, &now)
			s.run("feed a=x@0")
			_, err := s.task.Step(1)
			if clock == windowing.WallClock {
				_, err = s.task.Punctuate(1000)
			}
			var of *TaskError
			if !errors.As(err, &of) || !strings.Contains(err.Error(), "broken") ||
				name == "error" && !strings.Contains(err.Error(), `punctuation of step "ticker"`) {
				t.Errorf("%s by %v: %v", name, clock, err)
			}
		}
	}
}

// A policy that fails names the step: there is no record to name.
func TestPunctuationFailsByPolicy(t *testing.T) {
	var now record.Time
	s := newTicking(t, &ticker{setUp: func(step *processor.Step, _ func(string, record.Time)) {
		step.Host.Schedule(step, time.Second, windowing.StreamTime, func(record.Time) error {
			return step.Fail(processor.Process, errors.New("broken"))
		})
	}}, &now)
	s.run("feed a=x@0")
	_, err := s.task.Step(1)
	if err == nil || !strings.Contains(err.Error(), `step "ticker" failed in a punctuation`) || strings.Contains(err.Error(), "offset") {
		t.Errorf("got %v", err)
	}
}

// A time beyond the end of time never comes. Kafka Streams' sum overflows there, and it punctuates
// for ever (CVE-2026-111496).
func TestPunctuationAtTheEndOfTime(t *testing.T) {
	now := record.Time(math.MaxInt64 - 10)
	fired := 0
	s := newTicking(t, &ticker{setUp: func(step *processor.Step, _ func(string, record.Time)) {
		for _, clock := range []windowing.Clock{windowing.StreamTime, windowing.WallClock} {
			step.Host.Schedule(step, time.Second, clock, func(record.Time) error {
				fired++
				return nil
			})
		}
	}}, &now)
	s.run(fmt.Sprintf("feed a=x@%d a=x@%d\nstep 100", int64(math.MaxInt64), int64(math.MaxInt64)))
	s.wall(math.MaxInt64 - 1)
	if fired != 1 {
		t.Errorf("fired %d times, want once", fired)
	}
	s.wall(math.MaxInt64)
	s.wall(math.MaxInt64)
	if fired != 2 {
		t.Errorf("fired %d times, want twice", fired)
	}
}

func TestScheduleRefusesNoInterval(t *testing.T) {
	task, _ := fakeTask(t, 0)
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, `step "x" schedules every 1µs`) {
			t.Errorf("panicked with %q", p)
		}
	}()
	task.Schedule(&processor.Step{Name: "x"}, time.Microsecond, windowing.StreamTime, nil)
}

// The times at which an interval is due, against counting them one by one.
func TestPunctuationKeepsTheBeat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &punctuation{every: record.Time(rapid.Int64Range(1, 50).Draw(t, "every"))}
		at := record.Time(rapid.Int64Range(-100, 100).Draw(t, "at"))
		now := at + record.Time(rapid.Int64Range(0, 500).Draw(t, "late"))
		want := at
		for want <= now {
			want += p.every
		}
		if got := p.next(at, now); got != want {
			t.Fatalf("every %d from %d, called at %d: next at %d, want %d", p.every, at, now, got, want)
		}
	})
}

// An engine that nobody writes to fires by the wall clock, and commits what was put out: a reader of
// committed records sees it, once each, in order. What it has committed is enough to go on from.
func TestIdleEnginePunctuates(t *testing.T) {
	k := &ticker{setUp: func(step *processor.Step, emit func(string, record.Time)) {
		n := 0
		step.Host.Schedule(step, 5*time.Millisecond, windowing.WallClock, func(at record.Time) error {
			n++
			emit(fmt.Sprint(n), at)
			return nil
		})
	}}
	var change func(*plan.Plan)
	b := newBench(t, func(b *topology.Builder) { change = ticking(b, k) }, "in", "out")
	change(b.config.Plan)
	for life := 1; life <= 2; life++ {
		_, stop := b.start()
		lives, n, last := 0, 0, record.Time(0)
		b.read("out", func(raw *record.Raw) bool {
			n++
			if string(raw.Value) == "1" { // the first of a life
				lives++
				n = 1
			}
			if string(raw.Value) != fmt.Sprint(n) || raw.Time <= last {
				t.Errorf("%q at %d follows number %d at %d", raw.Value, raw.Time, n-1, last)
			}
			last = raw.Time
			return lives == life && n == 20
		})
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// Invariant E5.
func TestPunctuationAllocatesNothing(t *testing.T) {
	var now record.Time
	s := newTicking(t, &ticker{setUp: func(step *processor.Step, _ func(string, record.Time)) {
		for range 3 {
			step.Host.Schedule(step, time.Millisecond, windowing.WallClock, func(record.Time) error { return nil })
		}
	}}, &now)
	allocs := testing.AllocsPerRun(1000, func() {
		now++
		if fired, err := s.task.Punctuate(now); !fired || err != nil {
			t.Fatal(fired, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a round", allocs)
	}
}
