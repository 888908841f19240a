package otelmetrics

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

// fixed is a source whose metrics stand still.
type fixed metrics.Snapshot

func (f fixed) Metrics() metrics.Snapshot { return metrics.Snapshot(f) }

// counted is a snapshot of a task that has counted two records.
func counted(t *testing.T) fixed {
	t.Helper()
	in := topology.NewTopic("in", serde.String(), serde.Int64())
	b := topology.NewBuilder()
	b.Stream(in).GroupByKey().Count(topology.As("counts"), topology.Name("count"))
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, plan)
	d.Input(in).Pipe("k", 1, 3000)
	d.Input(in).Pipe("k", 2, 2000)
	s := d.Metrics()
	s.Instance = "one"
	loop := metrics.Loop{Commits: 3}
	loop.CommitLatency.Observe(time.Second)
	loop.CommitLatency.Observe(2 * time.Second)
	s.Loops = append(s.Loops, loop)
	return fixed(s)
}

// collect is what a reader gets: the values by name and attributes.
func collect(t *testing.T, reader sdkmetric.Reader) (values map[string]float64, sums map[string]bool) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	values, sums = map[string]float64{}, map[string]bool{}
	encoder := attribute.DefaultEncoder()
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			var points []metricdata.DataPoint[float64]
			switch data := m.Data.(type) {
			case metricdata.Sum[float64]:
				points, sums[m.Name] = data.DataPoints, data.IsMonotonic
			case metricdata.Gauge[float64]:
				points = data.DataPoints
			default:
				t.Errorf("%s is %T", m.Name, m.Data)
			}
			for _, p := range points {
				values[m.Name+" "+p.Attributes.Encoded(encoder)] = p.Value
			}
		}
	}
	return values, sums
}

func TestAReaderGetsTheValues(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	registration, err := Register(provider.Meter("pitwheel"), counted(t), fixed{Application: "not yet"})
	if err != nil {
		t.Fatal(err)
	}
	got, sums := collect(t, reader)
	for name, want := range map[string]float64{
		"pitwheel.app.process application=app,instance=one":                                  2,
		"pitwheel.task.record_lateness application=app,instance=one,task=0_0":                1,
		"pitwheel.step.process application=app,instance=one,step=count,task=0_0":             2,
		"pitwheel.loop.commit_latency.count application=app,instance=one,loop=0":             2,
		"pitwheel.loop.commit_latency.sum application=app,instance=one,loop=0":               3,
		"pitwheel.loop.commit_latency_max application=app,instance=one,loop=0":               2,
		"pitwheel.input.position application=app,instance=one,partition=0,task=0_0,topic=in": 2,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %v (%v), want %v", name, value, ok, want)
		}
	}
	if !sums["pitwheel.task.process"] || sums["pitwheel.task.stream_time"] {
		t.Errorf("sums %v: only counters are to be", sums)
	}
	if err := registration.Unregister(); err != nil {
		t.Fatal(err)
	}
	if got, _ := collect(t, reader); len(got) != 0 {
		t.Errorf("after the end there are %v", got)
	}
}

func TestNamesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range metrics.All() {
		for _, p := range parts(&m) {
			if seen[p.name] {
				t.Errorf("%s is there twice", p.name)
			}
			seen[p.name] = true
		}
	}
}
