package prommetrics

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

// fixed is a source whose metrics stand still.
type fixed metrics.Snapshot

func (f fixed) Metrics() metrics.Snapshot { return metrics.Snapshot(f) }

// counted is a snapshot of tasks that have counted two records and dropped one, as an instance's.
func counted(t *testing.T, instance string) fixed {
	t.Helper()
	in := topology.NewTopic("in", serde.String(), serde.Int64())
	b := topology.NewBuilder()
	b.Stream(in, topology.Name("read"), topology.OnError(topology.ErrorPolicies{Decode: topology.Skip()})).
		GroupByKey().Count(topology.As("counts"), topology.Name("count"))
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, plan)
	input := d.Input(in)
	input.Pipe("k", 1, 3000)
	input.Pipe("k", 2, 2000)
	s := d.Metrics()
	s.Instance = instance
	loop := metrics.Loop{Commits: 3}
	for _, took := range []time.Duration{time.Millisecond, 3 * time.Millisecond, time.Minute} {
		loop.CommitLatency.Observe(took)
	}
	s.Loops = append(s.Loops, loop)
	return fixed(s)
}

func TestARegistryHasTheValues(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(New(counted(t, "one"), counted(t, "two"), fixed{Application: "not yet"}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range metrics.All() {
		known[m.ID()] = true
	}
	got := map[string]float64{}
	for _, f := range families {
		if !known[f.GetName()] {
			t.Errorf("%s is not in the table", f.GetName())
		}
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			switch {
			case m.GetCounter() != nil:
				got[name] = m.GetCounter().GetValue()
			case m.GetGauge() != nil:
				got[name] = m.GetGauge().GetValue()
			case m.GetHistogram() != nil:
				got[name] = float64(m.GetHistogram().GetSampleCount())
				for _, b := range m.GetHistogram().GetBucket() {
					if b.GetUpperBound() == 0.005 && b.GetCumulativeCount() != 2 {
						t.Errorf("%d commits in 5 ms, want 2", b.GetCumulativeCount())
					}
				}
			}
		}
	}
	for name, want := range map[string]float64{
		"pitwheel_app_process_total application=app instance=one":                            2,
		"pitwheel_app_process_total application=app instance=two":                            2,
		"pitwheel_task_record_lateness_seconds_total application=app instance=one task=0_0":  1,
		"pitwheel_step_process_total application=app instance=one step=count task=0_0":       2,
		"pitwheel_loop_commit_latency_seconds application=app instance=one loop=0":           3,
		"pitwheel_input_position application=app instance=one partition=0 task=0_0 topic=in": 2,
		"pitwheel_app_state application=app instance=one state=running":                      1,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %v (%v), want %v", name, value, ok, want)
		}
	}
}

func TestPrometheusHasNothingToSayAboutTheNames(t *testing.T) {
	problems, err := testutil.CollectAndLint(New(counted(t, "one")))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(0, len(problems)); d != "" {
		t.Errorf("%v", problems)
	}
}
