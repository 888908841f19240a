package bench

import (
	"context"
	"runtime"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/pitwheel/pitwheel/internal/reactor"
	"github.com/pitwheel/pitwheel/tracing"
	"github.com/pitwheel/pitwheel/tracing/oteltracing"
)

// discard is an exporter of spans that takes them and forgets them.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                             { return nil }

// tracer makes real spans of OpenTelemetry's, all of them sampled.
func tracer(tb testing.TB) tracing.Tracer {
	tb.Helper()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(discard{}))
	tb.Cleanup(func() {
		if err := provider.Shutdown(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return oteltracing.New(provider)
}

// watching is how the flow is watched.
var watching = []struct {
	name   string
	watch  func(tb testing.TB, c *reactor.TaskConfig)
	parent bool // records carry a trace context
}{
	{"off", func(testing.TB, *reactor.TaskConfig) {}, false},
	{"step metrics", func(_ testing.TB, c *reactor.TaskConfig) { c.WatchSteps = true }, false},
	{"tracing", func(tb testing.TB, c *reactor.TaskConfig) { c.Tracer = tracer(tb) }, false},
	{"tracing, records with context", func(tb testing.TB, c *reactor.TaskConfig) { c.Tracer = tracer(tb) }, true},
	{"tracing of steps", func(tb testing.TB, c *reactor.TaskConfig) { c.Tracer, c.TimeSteps = tracer(tb), true }, false},
}

// watchedFlow has processed warm records.
func watchedFlow(tb testing.TB, i, warm int) *flow {
	tb.Helper()
	w := watching[i]
	f := newWatchedFlow(tb, func(c *reactor.TaskConfig) { w.watch(tb, c) })
	if w.parent {
		context := tracing.Context{Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
		headers := context.Headers(nil)
		for i := range f.raws {
			f.raws[i].Headers = headers
		}
	}
	f.run(tb, warm)
	return f
}

// BenchmarkWatchedCount is BenchmarkTumblingCount with all that may watch it, off and on.
func BenchmarkWatchedCount(b *testing.B) {
	for i, w := range watching {
		b.Run(w.name, func(b *testing.B) {
			f := watchedFlow(b, i, 2*flowRate)
			b.ReportAllocs()
			b.ResetTimer()
			f.run(b, b.N)
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// TestWatchingAllocatesByBatch is the budget: spans and counters are made for batches and commits, and
// never for records.
func TestWatchingAllocatesByBatch(t *testing.T) {
	for i, w := range watching {
		if i == 0 {
			continue // TestRecordsAllocateNothing
		}
		t.Run(w.name, func(t *testing.T) {
			f := watchedFlow(t, i, 2_000_000)
			const n = 500_000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f.run(t, n)
			runtime.ReadMemStats(&after)
			if allocs := float64(after.Mallocs-before.Mallocs) / n; allocs > 0.03 {
				t.Errorf("%.3f allocations a record, want at most 0.03", allocs)
			}
		})
	}
}
