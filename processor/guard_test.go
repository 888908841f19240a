package processor

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// Every operator that calls a user function makes its panic a failure of its own step, and hands
// on nothing of the record.
func TestPanicsFailTheStepThatCalled(t *testing.T) {
	type emit = Emit[string, int64]
	boom := func() { panic("boom") }
	tests := map[string]func(t *testing.T, s *Step, next emit) emit{
		"Filter": func(_ *testing.T, s *Step, n emit) emit {
			return Filter(s, func(string, int64) bool { boom(); return true }, n)
		},
		"FilterNot": func(_ *testing.T, s *Step, n emit) emit {
			return FilterNot(s, func(string, int64) bool { boom(); return true }, n)
		},
		"Split": func(_ *testing.T, s *Step, n emit) emit {
			wants := []func(string, int64) bool{
				func(string, int64) bool { boom(); return true },
				func(string, int64) bool { return true },
			}
			return Split(s, wants, []emit{n, n}, n)
		},
		"Map": func(_ *testing.T, s *Step, n emit) emit {
			return Map(s, func(k string, v int64) (string, int64) { boom(); return k, v }, n)
		},
		"MapValues": func(_ *testing.T, s *Step, n emit) emit {
			return MapValues(s, func(_ string, v int64) int64 { boom(); return v }, n)
		},
		"SelectKey": func(_ *testing.T, s *Step, n emit) emit {
			return SelectKey(s, func(k string, _ int64) string { boom(); return k }, n)
		},
		"FlatMap": func(_ *testing.T, s *Step, n emit) emit {
			return FlatMap(s, func(k string, v int64, emit func(string, int64)) {
				emit(k, v)
				boom()
			}, n)
		},
		"FlatMapValues": func(_ *testing.T, s *Step, n emit) emit {
			return FlatMapValues(s, func(_ string, v int64, emit func(int64)) { emit(v); boom() }, n)
		},
		"Peek":    func(_ *testing.T, s *Step, n emit) emit { return Peek(s, func(string, int64) { boom() }, n) },
		"ForEach": func(_ *testing.T, s *Step, _ emit) emit { return ForEach(s, func(string, int64) { boom() }) },
		"Sink": func(_ *testing.T, s *Step, _ emit) emit {
			return Sink(s, &Topic{Name: "out", Partitions: 1}, SinkConfig[string, int64]{
				Key: serde.String(), Value: serde.Int64(),
				Partitioner: func(string, int64, int) int { boom(); return 0 },
			})
		},
		"DynamicSink": func(_ *testing.T, s *Step, _ emit) emit {
			return DynamicSink(s, func(string, int64) string { boom(); return "" },
				func(string) *Topic { return nil }, SinkConfig[string, int64]{})
		},
		"Aggregate": func(t *testing.T, s *Step, n emit) emit {
			return Aggregate(s, openKeyValue(t, serde.String(), serde.Int64()), func() int64 { return 0 },
				func(string, int64, int64) int64 { boom(); return 0 },
				ChangeOut[string, int64]{Next: ToStream(n)})
		},
		"Aggregate's zero": func(t *testing.T, s *Step, n emit) emit {
			return Aggregate(s, openKeyValue(t, serde.String(), serde.Int64()),
				func() int64 { boom(); return 0 },
				func(string, int64, int64) int64 { return 0 },
				ChangeOut[string, int64]{Next: ToStream(n)})
		},
		"AggregateWindowed": func(t *testing.T, s *Step, n emit) emit {
			w := windowing.Hopping(time.Second, 100*time.Millisecond)
			next := func(c *Change[windowing.Key[string], int64]) error { return n(&rec{}) }
			return AggregateWindowed(s, openWindow(t, w, serde.String(), serde.Int64()), WindowedConfig{Windows: w},
				func() int64 { return 0 },
				func(string, int64, int64) int64 { boom(); return 0 },
				ChangeOut[windowing.Key[string], int64]{Next: next})
		},
	}
	for name, bind := range tests {
		t.Run(name, func(t *testing.T) {
			var h fakeHost
			var got collected[string, int64]
			emit := bind(t, h.step("the step"), got.emit)
			pipe(t, emit, of("a", 1, 5000))
			got.want(t)
			if len(h.failed) != 1 || h.failed[0].Reason != Process || h.failed[0].Step != "the step" {
				t.Fatalf("failed: %+v, want once, by Process, the step", h.failed)
			}
			var panicked *PanicError
			if !errors.As(h.failed[0].Err, &panicked) || panicked.Value != "boom" {
				t.Fatalf("error %v, want a PanicError of boom", h.failed[0].Err)
			}
			if !strings.Contains(string(panicked.Stack), "TestPanicsFailTheStepThatCalled") {
				t.Errorf("the stack does not show who panicked:\n%s", panicked.Stack)
			}

			h.fatal = errFatal
			r := of("a", 1, 5000)
			if err := emit(&r); err != errFatal {
				t.Errorf("a policy's error came back as %v", err)
			}
		})
	}
}

func TestReducePanicFailsTheStep(t *testing.T) {
	var h fakeHost
	var got changes[string, int64]
	emit := Reduce(h.step("reduce"), openKeyValue(t, serde.String(), serde.Int64()),
		func(string, int64, int64) int64 { panic(io.ErrUnexpectedEOF) }, ChangeOut[string, int64]{Next: got.emit})
	pipe(t, emit, of("a", 1, 1), of("a", 2, 2), of("b", 3, 3))
	wantReasons(t, &h, Process)
	if !errors.Is(h.failed[0].Err, io.ErrUnexpectedEOF) {
		t.Errorf("%v does not unwrap to what was given to panic", h.failed[0].Err)
	}
	if len(got.all) != 2 {
		t.Errorf("emitted %d changes, want those of the two records that did not fail", len(got.all))
	}
}

// An error from below is not the step's: it comes back as it is and no policy is asked.
func TestErrorsFromBelowAreNotTheSteps(t *testing.T) {
	var h fakeHost
	below := collected[string, int64]{err: errBelow}
	s := h.step("step")
	for name, emit := range map[string]Emit[string, int64]{
		"Filter":    Filter(s, func(string, int64) bool { return true }, below.emit),
		"Map":       Map(s, func(k string, v int64) (string, int64) { return k, v }, below.emit),
		"MapValues": MapValues(s, func(_ string, v int64) int64 { return v }, below.emit),
		"SelectKey": SelectKey(s, func(k string, _ int64) string { return k }, below.emit),
		"FlatMap": FlatMap(s, func(k string, v int64, emit func(string, int64)) {
			emit(k, v)
			emit(k, v)
		}, below.emit),
		"FlatMapValues": FlatMapValues(s, func(_ string, v int64, emit func(int64)) {
			emit(v)
			emit(v)
		}, below.emit),
		"Peek":        Peek(s, func(string, int64) {}, below.emit),
		"Repartition": Repartition(s, below.emit),
	} {
		below.records = nil
		r := of("a", 1, 1)
		if err := emit(&r); err != errBelow {
			t.Errorf("%s: got %v, want %v", name, err, errBelow)
		}
		if len(below.records) != 1 {
			t.Errorf("%s: emitted %d records, want it to stop at the error", name, len(below.records))
		}
	}
	wantReasons(t, &h)
}

// The innermost step decides: where its policy lets a record pass, its siblings and the steps
// above go on. Kafka Streams: ProcessorNode.process (KIP-1033).
func TestSiblingsGoOnAfterAFailureThatPasses(t *testing.T) {
	var h fakeHost
	var sibling collected[string, int64]
	failing := Peek(h.step("failing"), func(string, int64) { panic("boom") }, (&collected[string, int64]{}).emit)
	above := MapValues(h.step("above"), func(_ string, v int64) int64 { return v },
		FanOut[string, int64]([]any{failing, Emit[string, int64](sibling.emit)}))
	pipe(t, above, of("a", 1, 1), of("a", 2, 2))
	sibling.want(t, of("a", 1, 1), of("a", 2, 2))
	wantReasons(t, &h, Process, Process)
	if h.failed[0].Step != "failing" {
		t.Errorf("failed: %q, want the innermost step", h.failed[0].Step)
	}
}

// A panic below that no step guards is a bug and must not become an error of the step above.
func TestPanicsBelowAreNotCaught(t *testing.T) {
	var h fakeHost
	emit := Map(h.step("map"), func(k string, v int64) (string, int64) { return k, v },
		func(*record.Record[string, int64]) error { panic("bug") })
	defer func() {
		if recover() != "bug" {
			t.Error("the panic below was caught")
		}
		wantReasons(t, &h)
	}()
	r := of("a", 1, 1)
	_ = emit(&r)
}

func TestEmitAfterTheFunctionReturnedPanics(t *testing.T) {
	var h fakeHost
	var got collected[string, int64]
	var kept func(string, int64)
	emit := FlatMap(h.step("flat"), func(_ string, _ int64, emit func(string, int64)) { kept = emit }, got.emit)
	pipe(t, emit, of("a", 1, 1))
	defer func() {
		if message, _ := recover().(string); !strings.Contains(message, "after the function") {
			t.Errorf("panicked with %q", message)
		}
		got.want(t)
	}()
	kept("late", 1)
}

// A function that panicked has handed on nothing, and the next record starts with nothing of it.
func TestFlatMapForgetsWhatAPanicLeft(t *testing.T) {
	var h fakeHost
	var got collected[string, int64]
	emit := FlatMap(h.step("flat"), func(k string, v int64, emit func(string, int64)) {
		emit(k, v)
		if v == 1 {
			panic("boom")
		}
		emit(k, v+1)
	}, got.emit)
	pipe(t, emit, of("a", 1, 1), of("b", 5, 2))
	got.want(t, of("b", 5, 2), of("b", 6, 2))
	wantReasons(t, &h, Process)
}
