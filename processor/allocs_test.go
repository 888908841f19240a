package processor

import (
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/internal/graph"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// Invariant O5: no allocation per record in the steady state.
func TestNothingIsAllocatedPerRecord(t *testing.T) {
	type emit = Emit[string, int64]
	var h fakeHost
	s := h.step("step")
	end := func(*rec) error { return nil }
	nullEnd := func(*record.Record[*string, []byte]) error { return nil }
	key, value := text("k"), []byte("v")
	w := windowing.Tumbling(time.Second)
	sink := Sink(s, &Topic{Name: "out", Partitions: 8},
		SinkConfig[string, int64]{Key: serde.String(), Value: serde.Int64()})
	var f flushes

	tests := map[string]emit{
		"Filter": Filter(s, func(string, int64) bool { return true }, end),
		"Split": Split(s, []func(string, int64) bool{func(string, int64) bool { return true }},
			[]emit{end}, nil),
		"Map":       Map(s, func(k string, v int64) (string, int64) { return k, v }, end),
		"Map nulls": Map(s, func(string, int64) (*string, []byte) { return key, value }, nullEnd),
		"MapValues": MapValues(s, func(_ string, v int64) int64 { return v }, end),
		"SelectKey": SelectKey(s, func(k string, _ int64) string { return k }, end),
		"FlatMap": FlatMap(s, func(k string, v int64, emit func(string, int64)) {
			emit(k, v)
			emit(k, v)
		}, end),
		"FlatMapValues": FlatMapValues(s, func(_ string, v int64, emit func(int64)) { emit(v); emit(v) }, end),
		"Peek":          Peek(s, func(string, int64) {}, end),
		"ForEach":       ForEach(s, func(string, int64) {}),
		"Repartition":   Repartition(s, end),
		"FanOut":        FanOut[string, int64]([]any{emit(end), emit(end)}),
		"Sink": func(r *rec) error {
			// As the engine does it: it takes the records, and uses the slice again.
			h.outputs.Records = h.outputs.Records[:0]
			return sink(r)
		},
		"TableSource, FilterTable": TableSource(s, openKeyValue(t, serde.String(), serde.Int64()),
			ChangeOut[string, int64]{Next: FilterTable(s, func(string, int64) bool { return true },
				openKeyValue(t, serde.String(), serde.Int64()), true,
				ChangeOut[string, int64]{Next: ToStream(end)})}),
		"Aggregate": Aggregate(s, openKeyValue(t, serde.String(), serde.Int64()), zeroOf(0), sum,
			ChangeOut[string, int64]{Next: ToStream(end)}),
		"Aggregate cached": Aggregate(s, openKeyValue(t, serde.String(), serde.Int64()), zeroOf(0), sum,
			ChangeOut[string, int64]{
				Next:   ToStream(end),
				Cached: &Cached[string]{Key: serde.String(), OnFlush: f.add},
			}),
		"AggregateWindowed": AggregateWindowed(s, openWindow(t, w, serde.String(), serde.Int64()),
			WindowedConfig{Windows: w}, zeroOf(0), sum,
			ChangeOut[wkey, int64]{Next: func(*wchange) error { return nil }}),
		"AggregateWindowed on close": AggregateWindowed(s, openWindow(t, w, serde.String(), serde.Int64()),
			WindowedConfig{Windows: w}, zeroOf(0), sum,
			ChangeOut[wkey, int64]{
				Next:    func(*wchange) error { return nil },
				OnClose: &OnClose{Mark: new(record.Time(-1))},
			}),
	}
	tasks := newRuntime()
	counts := openKeyValue(t, serde.String(), serde.Int64())
	tests["Process with a store"] = Run(tasks.env("count"), doing(func(c *Context[string, int64], r rec) error {
		n, _ := counts.Get(r.Key())
		counts.Put(r.Key(), n+1)
		c.Forward(r.WithValue(n + 1))
		return nil
	}), end)
	tests["ProcessValues with a side output"] = RunValues(tasks.env("values"), forwardToSide(tasks), end)
	tasks.mustStart(t)
	for name, emit := range tests {
		t.Run(name, func(t *testing.T) {
			records := []rec{of("a", 1, 5), of("b", 2, 6), of("a", 3, 4)}
			at := 0
			allocs := testing.AllocsPerRun(1000, func() {
				if err := emit(&records[at%len(records)]); err != nil {
					t.Fatal(err)
				}
				at++
			})
			if allocs != 0 {
				t.Errorf("%v allocations per record, want 0", allocs)
			}
		})
	}
}

// forwardToSide forwards each record and emits it to a side output too.
func forwardToSide(f *fakeRuntime) ValueSetup[string, int64, int64] {
	use := graph.Use{Kind: "side output", Name: "side"}
	f.opens[use] = SideTo[string, int64](func(*rec) error { return nil })
	return func(c *ValueContext[string, int64]) (ValueFunc[string, int64], error) {
		side := c.Lookup(use).(Emitter[string, int64])
		return func(r record.FixedKey[string, int64]) error {
			side.Emit(record.New(r.Key(), r.Value(), r.Time()))
			c.Forward(r.WithValue(r.Value() + 1))
			return nil
		}, nil
	}
}

func TestSourceAllocatesNothingPerRecord(t *testing.T) {
	var h fakeHost
	s := NewTypedSource(h.step("source"), SourceConfig[string, int64]{
		Key: serde.String(), Value: serde.Int64(),
		EventTime: func(_ string, v int64) time.Time { return time.UnixMilli(v) },
	}, func(*rec) error { return nil })("in")
	raw := record.Raw{Key: []byte("key"), Value: []byte{0, 0, 0, 0, 0, 0, 0, 9}, Time: 5}
	allocs := testing.AllocsPerRun(1000, func() {
		if _, ok, err := s.Load(&raw, -1); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := s.Emit(); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per record, want 0", allocs)
	}
}
