package streamtest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// TestMetricsOfAScriptedRun has four records and one that is late: each step says what came to it,
// what it handed on and what it dropped.
func TestMetricsOfAScriptedRun(t *testing.T) {
	in := topology.NewTopic("in", serde.String(), serde.Int64())
	b := topology.NewBuilder()
	b.Stream(in, topology.Name("read")).
		FlatMapValues(func(_ string, v int64, emit func(int64)) {
			emit(v)
			emit(v)
		}, topology.Name("twice")).
		GroupByKey().
		WindowedBy(windowing.Tumbling(10*time.Second)).
		Count(topology.As("counts"), topology.Name("count"))
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, plan)
	for _, at := range []record.Time{1000, 5000, 2000, 25_000, 3000} {
		d.Input(in).Pipe("k", 1, at)
	}
	s := d.Metrics()
	totals := metrics.Totals{
		Processed: 5, Dropped: map[string]int64{"late": 2}, Lateness: 25 * time.Second, LatenessMax: 22 * time.Second,
	}
	if d := cmp.Diff(totals, s.Totals); d != "" {
		t.Errorf("totals: %s", d)
	}
	steps := []metrics.Step{
		{Name: "read", Counted: true, In: 5, Out: 5},
		{Name: "twice", Counted: true, In: 5, Out: 10},
		{Name: "count", Counted: true, In: 10, Dropped: map[string]int64{"late": 2}},
	}
	if d := cmp.Diff(steps, s.Tasks[0].Steps); d != "" {
		t.Errorf("steps: %s", d)
	}
	if in := s.Tasks[0].Inputs[0]; in.Consumed != 5 || in.Position != 5 || in.Lag() != 0 || s.StreamTime != 25_000 {
		t.Errorf("input %+v, stream time %d", in, s.StreamTime)
	}
}

// TestMetricsCountWhatWasCommitted stops in the middle: a record that is taken again counts once.
func TestMetricsCountWhatWasCommitted(t *testing.T) {
	in := topology.NewTopic("in", serde.String(), serde.String())
	b := topology.NewBuilder()
	b.Stream(in).TryMapValues(func(_, v string) (string, error) {
		if v == "bad" {
			return "", errThirteen
		}
		return v, nil
	}, topology.Name("map")).To(topology.NewTopic("out", serde.String(), serde.String()))
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, plan)
	d.Input(in).Pipe("k", "good", 1)
	if err := d.Input(in).TryPipeRecord(record.New("k", "bad", 2)); err == nil {
		t.Fatal("the record did not stop the app")
	}
	if s := d.Metrics(); s.Processed != 1 || s.Produced != 1 || s.Tasks[0].Steps[1].In != 1 {
		t.Errorf("after the stop: %+v, steps %+v", s.Totals, s.Tasks[0].Steps)
	}
}
