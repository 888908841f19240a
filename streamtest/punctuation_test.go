package streamtest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// ticking is a plan between topics in and out whose one step emits each time that it is punctuated,
// every d of the clock.
func ticking(t *testing.T, clock windowing.Clock, d time.Duration, broken *bool) *topology.Plan {
	t.Helper()
	p := build(t, func(b *topology.Builder) {
		b.Stream(in).Peek(func(string, string) {}, topology.Name("ticker")).To(out)
	})
	n := p.Compiled().Subtopologies[0].Nodes[1]
	n.Bind = func(b plan.Binder, children []any) any {
		next, step := processor.FanOut[string, string](children), b.Step(n)
		step.Host.Schedule(step, d, clock, func(at record.Time) error {
			if *broken {
				return errors.New("broken")
			}
			r := record.New("tick", clock.String(), at)
			return next(&r)
		})
		return processor.Emit[string, string](func(*record.Record[string, string]) error { return nil })
	}
	return p
}

func TestAdvanceFiresOnceEach(t *testing.T) {
	d := streamtest.New(t, ticking(t, windowing.WallClock, time.Second, new(bool)),
		streamtest.Partitions(2), streamtest.StartAt(time.UnixMilli(10_500)))
	d.Advance(999 * time.Millisecond)
	d.Input(in).Pipe("k", "v", 99_000)
	if n := len(d.Written("out")); n != 0 {
		t.Fatalf("%d fired before the interval was over", n)
	}
	d.Advance(time.Millisecond)
	d.Advance(3700 * time.Millisecond)
	d.Advance(299 * time.Millisecond)
	d.Advance(time.Millisecond)
	var got []record.Time
	for _, r := range d.Output(out).All() {
		got = append(got, r.Time())
	}
	// Two tasks, each at once.
	want := []record.Time{11_500, 11_500, 15_200, 15_200, 15_500, 15_500}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fired at (-want +got):\n%s", diff)
	}
}

func TestStreamTimeFiresAfterTheRecord(t *testing.T) {
	d := streamtest.New(t, ticking(t, windowing.StreamTime, time.Second, new(bool)))
	i, o := d.Input(in), d.Output(out)
	for _, tt := range []struct {
		at    record.Time
		fires int
	}{{500, 1}, {999, 0}, {1000, 1}, {700, 0}, {5300, 1}, {5999, 0}, {6000, 1}} {
		i.Pipe("k", "v", tt.at)
		if got := o.All(); len(got) != tt.fires || tt.fires == 1 && got[0].Time() != tt.at {
			t.Errorf("the record at %d fired %v", tt.at, got)
		}
	}
	d.Advance(time.Hour)
	if got := o.All(); len(got) != 0 {
		t.Errorf("the wall clock fired %v", got)
	}
}

// A punctuation that fails stops the app.
func TestFailedPunctuationStopsTheApp(t *testing.T) {
	broken := true
	failed := failure(t, func(tb testing.TB) {
		d := streamtest.New(tb, ticking(t, windowing.WallClock, time.Second, &broken))
		d.Advance(time.Second)
	})
	if !strings.Contains(failed, `punctuation of step "ticker": broken`) {
		t.Errorf("the test fails with %q", failed)
	}
}
