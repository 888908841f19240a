package processor

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/internal/graph"
	"github.com/pitwheel/pitwheel/record"
)

func TestAProcessorForwardsWhileItProcesses(t *testing.T) {
	f := newRuntime()
	var order []string
	emit := Run(f.env("twice"), func(c *Context[int64, string]) (Func[string, int64], error) {
		return func(r rec) error {
			c.Forward(r.WithKey(r.Value()).WithValue(r.Key()))
			order = append(order, "between")
			c.Forward(r.WithKey(r.Value() + 1).WithValue("more").WithTime(9).WithHeaders(nil))
			return nil
		}, nil
	}, func(r *record.Record[int64, string]) error {
		order = append(order, r.String())
		return nil
	})
	f.mustStart(t)
	pipe(t, emit, of("a", 1, 5))
	want := []string{
		record.New(int64(1), "a", 5).WithHeaders(headers).String(), "between",
		record.New(int64(2), "more", 9).String(),
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantReasons(t, &f.host)
}

func TestAProcessorOfValuesKeepsTheKey(t *testing.T) {
	f := newRuntime()
	var out collected[string, string]
	emit := RunValues(f.env("values"), func(c *ValueContext[string, string]) (ValueFunc[string, int64], error) {
		return func(r record.FixedKey[string, int64]) error {
			c.Forward(r.WithValue("v").WithTime(r.Time() + 1).WithHeaders(nil))
			if r.HasKey() && !r.IsTombstone() {
				c.Forward(r.WithValue(r.Key()).AsTombstone())
			}
			return nil
		}, nil
	}, out.emit)
	f.mustStart(t)
	pipe(t, emit, of("a", 1, 5), of("b", 1, 6).WithoutKey())
	out.want(t,
		record.New("a", "v", 6), record.New("a", "", 5).AsTombstone().WithHeaders(headers),
		record.New("", "v", 7).WithoutKey(),
	)
}

// What the function gets wrong is the record's, whether it returns or panics. What it forwarded before
// has gone on.
func TestAProcessorsErrorsAreItsRecords(t *testing.T) {
	for name, fails := range map[string]func() error{
		"returned": func() error { return errBelow },
		"panic":    func() error { panic(errBelow) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newRuntime()
			var out collected[string, int64]
			emit := Run(f.env("risky"), doing(func(c *Context[string, int64], r rec) error {
				c.Forward(r)
				if r.Key() == "bad" {
					return fails()
				}
				return nil
			}), out.emit)
			f.mustStart(t)
			pipe(t, emit, of("bad", 1, 5), of("good", 2, 6))
			out.want(t, of("bad", 1, 5), of("good", 2, 6))
			wantReasons(t, &f.host, Process)
			if got := f.host.failed[0]; got.Step != "risky" || !errors.Is(got.Err, errBelow) {
				t.Errorf("failed with %+v", got)
			}
			f.host.fatal = errFatal
			r := of("bad", 1, 5)
			if err := emit(&r); !errors.Is(err, errFatal) {
				t.Errorf("got %v, want the policy's error", err)
			}
		})
	}
}

// What a step behind gets wrong ends the task and is never taken for the processor's own, whatever the
// function makes of it. Nothing goes on after it.
func TestErrorsBehindAProcessorAreNotItsOwn(t *testing.T) {
	for name, tt := range map[string]struct {
		behind func(*rec) error
		own    func() error
	}{
		"error":           {func(*rec) error { return errBelow }, func() error { return nil }},
		"panic":           {func(*rec) error { panic(errBelow) }, func() error { return nil }},
		"error and error": {func(*rec) error { return errBelow }, func() error { return errors.New("own") }},
		"panic and panic": {func(*rec) error { panic(errBelow) }, func() error { panic("own") }},
	} {
		t.Run(name, func(t *testing.T) {
			f := newRuntime()
			calls := 0
			emit := Run(f.env("innocent"), doing(func(c *Context[string, int64], r rec) error {
				c.Forward(r)
				c.Forward(r)
				return tt.own()
			}), func(r *rec) error { calls++; return tt.behind(r) })
			f.mustStart(t)
			r := of("a", 1, 5)
			if err := emit(&r); !errors.Is(err, errBelow) {
				t.Errorf("got %v, want the error from behind", err)
			}
			if calls != 1 {
				t.Errorf("%d records went on, want 1", calls)
			}
			wantReasons(t, &f.host)
		})
	}
}

// What Put gives to rows is the time of the record that its own step has got, whatever the source's was
// and whatever is forwarded.
func TestRowsHaveTheTimeOfTheStepsRecord(t *testing.T) {
	f := newRuntime()
	f.row = 1
	var times []record.Time
	note := func() { times = append(times, f.row) }
	behind := Run(f.env("behind"), doing(func(*Context[string, int64], rec) error { note(); return nil }),
		func(*rec) error { return nil })
	emit := Run(f.env("before"), doing(func(c *Context[string, int64], r rec) error {
		note()
		c.Forward(r.WithTime(9))
		note()
		if r.Value() == 2 {
			panic("oh")
		}
		return nil
	}), behind)
	f.mustStart(t)
	pipe(t, emit, of("a", 1, 5), of("b", 2, 6))
	if diff := cmp.Diff([]record.Time{5, 9, 5, 6, 9, 6}, times); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f.row != 1 {
		t.Errorf("afterwards it is %d, want the task's 1", f.row)
	}
}

func TestATimeBeforeTheEpochIsTheRecordsError(t *testing.T) {
	f := newRuntime()
	emit := Run(f.env("back"), doing(func(c *Context[string, int64], r rec) error {
		c.Forward(r.WithTime(r.Time() - 10))
		return nil
	}), func(r *rec) error { t.Errorf("%v went on", r); return nil })
	f.mustStart(t)
	pipe(t, emit, of("a", 1, 5))
	wantReasons(t, &f.host, Process)
	if got := f.host.failed[0].Err.Error(); !strings.Contains(got, "it forwards a record whose time is -5 ms") {
		t.Errorf("failed with %s", got)
	}
}

func TestSetUpErrorsNameTheStep(t *testing.T) {
	type setup = Setup[string, int64, string, int64]
	for name, tt := range map[string]struct {
		setup setup
		want  string
	}{
		"error": {func(*Context[string, int64]) (Func[string, int64], error) { return nil, errBelow },
			`step "broken": set-up: below`},
		"panic": {func(*Context[string, int64]) (Func[string, int64], error) { panic("oh") },
			`step "broken": set-up: panic: oh`},
		"no function": {func(*Context[string, int64]) (Func[string, int64], error) { return nil, nil },
			`step "broken": set-up: it returned no function and no error`},
		"forward": {func(c *Context[string, int64]) (Func[string, int64], error) {
			c.Forward(of("a", 1, 5))
			return nil, nil
		}, `step "broken" forwards outside of a record and of a punctuation`},
		"zero handle": {func(c *Context[string, int64]) (Func[string, int64], error) {
			c.Lookup(graph.Use{})
			return nil, nil
		}, `step "broken" opens a handle that is a zero value: take it from the Builder's or a table's method`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newRuntime()
			Run(f.env("broken"), tt.setup, func(*rec) error { t.Error("a record went on"); return nil })
			if err := f.start(); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	f := newRuntime()
	RunValues(f.env("values"), func(*ValueContext[string, int64]) (ValueFunc[string, int64], error) {
		return nil, nil
	}, func(*rec) error { return nil })
	if err := f.start(); err == nil || !strings.Contains(err.Error(), `step "values": set-up: it returned no function`) {
		t.Errorf("got %v", err)
	}
}

// A handle that is opened for the first time at a record ends the task: by the error policy every record
// would be dropped.
func TestAMissingConnectionEndsTheTask(t *testing.T) {
	f := newRuntime()
	emit := Run(f.env("reader"), doing(func(c *Context[string, int64], r rec) error {
		c.Lookup(graph.Use{Kind: "key-value store", Name: "books"})
		return nil
	}), func(*rec) error { return nil })
	f.mustStart(t)
	r := of("a", 1, 5)
	err := emit(&r)
	if m, ok := errors.AsType[*MisuseError](err); !ok || m.Step != "reader" || !strings.Contains(err.Error(), `uses the key-value store "books"`) {
		t.Errorf("got %v", err)
	}
	wantReasons(t, &f.host)
}

func TestASideOutputIsAWayOut(t *testing.T) {
	f := newRuntime()
	use := graph.Use{Kind: "side output", Name: "late"}
	var main, late collected[string, int64]
	f.opens[use] = SideTo(Emit[string, int64](late.emit))
	emit := Run(f.env("sorter"), func(c *Context[string, int64]) (Func[string, int64], error) {
		side := c.Lookup(use).(Emitter[string, int64])
		return func(r rec) error {
			if r.Time() < 10 {
				side.Emit(r)
			} else {
				c.Forward(r)
			}
			return nil
		}, nil
	}, main.emit)
	f.mustStart(t)
	pipe(t, emit, of("a", 1, 5), of("b", 2, 15))
	late.want(t, of("a", 1, 5))
	main.want(t, of("b", 2, 15))
	late.err = errBelow
	r := of("c", 3, 5)
	if err := emit(&r); !errors.Is(err, errBelow) {
		t.Errorf("got %v, want the error from behind the side output", err)
	}
}

func TestAPunctuationForwards(t *testing.T) {
	f := newRuntime()
	var out collected[string, int64]
	fails := func() error { return nil }
	Run(f.env("ticker"), func(c *Context[string, int64]) (Func[string, int64], error) {
		c.Every(time.Second, WallClock, func(at Time) error {
			c.Forward(record.New("tick", int64(1), at))
			return fails()
		})
		return func(rec) error { return nil }, nil
	}, out.emit)
	f.mustStart(t)
	if len(f.host.scheduled) != 1 {
		t.Fatalf("scheduled %d times", len(f.host.scheduled))
	}
	s := f.host.scheduled[0]
	if s.step != "ticker" || s.every != time.Second || s.clock != WallClock {
		t.Errorf("scheduled %+v", s)
	}
	if err := s.call(7); err != nil {
		t.Fatal(err)
	}
	out.want(t, record.New("tick", int64(1), 7))
	for name, own := range map[string]func() error{
		"error": func() error { return errBelow }, "panic": func() error { panic(errBelow) },
	} {
		f.host.failed = nil
		fails = own
		if err := s.call(8); err != nil {
			t.Errorf("%s: got %v, want what the policy says", name, err)
		}
		wantReasons(t, &f.host, Process)
		if got := f.host.failed[0]; got.Step != "ticker" || !errors.Is(got.Err, errBelow) {
			t.Errorf("%s: failed with %+v", name, got)
		}
	}
	f.host.failed = nil
	out.err = errFatal
	if err := s.call(9); !errors.Is(err, errFatal) {
		t.Errorf("got %v, want the error from behind", err)
	}
	wantReasons(t, &f.host)
}

func TestWhatCannotBeScheduledEndsTheSetUp(t *testing.T) {
	nothing := func(Time) error { return nil }
	for want, call := range map[string]func(c *Context[string, int64]){
		"schedules something every 1µs: it must be at least a millisecond": func(c *Context[string, int64]) {
			c.Every(time.Microsecond, StreamTime, nothing)
		},
		"schedules something by clock 7: use StreamTime or WallClock": func(c *Context[string, int64]) {
			c.Every(time.Second, 7, nothing)
		},
		"schedules a function that is nil":     func(c *Context[string, int64]) { c.Every(time.Second, WallClock, nil) },
		"gives OnClose a function that is nil": func(c *Context[string, int64]) { c.OnClose(nil) },
	} {
		f := newRuntime()
		Run(f.env("ticker"), func(c *Context[string, int64]) (Func[string, int64], error) {
			call(c)
			return func(rec) error { return nil }, nil
		}, func(*rec) error { return nil })
		want = `step "ticker" ` + want
		if err := f.start(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAProcessorKnowsItsTask(t *testing.T) {
	f := newRuntime()
	var c *Context[string, int64]
	Run(f.env("clerk"), func(ctx *Context[string, int64]) (Func[string, int64], error) {
		c = ctx
		if _, ok := c.Metadata(); ok {
			t.Error("there is a record in the set-up")
		}
		return func(rec) error { return nil }, nil
	}, func(*rec) error { return nil })
	f.mustStart(t)
	f.reads = &Metadata{Topic: "in", Partition: 7, Offset: 3}
	m, ok := c.Metadata()
	if !ok || m != *f.reads {
		t.Errorf("metadata %v, %v", m, ok)
	}
	if c.ID().String() != "2_7" || c.StreamTime() != 40 || c.WallClock() != 50 {
		t.Errorf("task %v, stream time %d, wall clock %d", c.ID(), c.StreamTime(), c.WallClock())
	}
	c.Logger().Info("here")
	if got := f.log.String(); !strings.Contains(got, "task=2_7 step=clerk") {
		t.Errorf("logged %q", got)
	}
	if c.Context().Err() != nil {
		t.Error("the context has ended before the task")
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if c.Context().Err() == nil {
		t.Error("the context has not ended with the task")
	}
}

func TestOnCloseRunsBackwardsWhateverFails(t *testing.T) {
	f := newRuntime()
	var order []string
	Run(f.env("closer"), func(c *Context[string, int64]) (Func[string, int64], error) {
		c.OnClose(func() error { order = append(order, "first"); return errBelow })
		c.OnClose(func() error { order = append(order, "second"); panic("oh") })
		c.OnClose(func() error { order = append(order, "third"); c.Forward(of("a", 1, 5)); return nil })
		return func(rec) error { return nil }, nil
	}, func(*rec) error { t.Error("a record went on"); return nil })
	f.mustStart(t)
	err := f.close()
	if diff := cmp.Diff([]string{"third", "second", "first"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	want := `step "closer": OnClose: panic: step "closer" forwards outside of a record and of a punctuation` + "\n" +
		`step "closer": OnClose: panic: oh` + "\n" + `step "closer": OnClose: below`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
