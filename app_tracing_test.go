package pitwheel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/tracing/oteltracing"
)

const outside = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// produceTraced writes a record that carries a trace context.
func (b *broker) produceTraced(topic, key, value string) {
	b.t.Helper()
	r := &kgo.Record{
		Topic: topic, Key: []byte(key), Value: []byte(value), Timestamp: time.UnixMilli(1),
		Headers: []kgo.RecordHeader{{Key: "traceparent", Value: []byte(outside)}, {Key: "own", Value: []byte("x")}},
	}
	if err := b.client.ProduceSync(context.Background(), r).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// headersOf waits for a topic's first record and returns its headers.
func (b *broker) headersOf(topic string) map[string]string {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			b.t.Fatalf("topic %q stays empty", topic)
		}
		for _, r := range fetches.Records() {
			headers := map[string]string{}
			for _, h := range r.Headers {
				headers[h.Key] = string(h.Value)
			}
			return headers
		}
	}
}

// traceparent is W3C's name of a span.
func traceparent(s tracetest.SpanStub) string {
	return fmt.Sprintf("00-%s-%s-01", s.SpanContext.TraceID(), s.SpanContext.SpanID())
}

func linksTo(s tracetest.SpanStub, parent string) bool {
	return slices.ContainsFunc(s.Links, func(l sdktrace.Link) bool {
		return fmt.Sprintf("00-%s-%s-01", l.SpanContext.TraceID(), l.SpanContext.SpanID()) == parent
	})
}

func attributeOf(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// spansOf returns the ended spans of a name and, if it is not empty, of a task.
func spansOf(from *tracetest.InMemoryExporter, name, task string) []tracetest.SpanStub {
	return slices.DeleteFunc(from.GetSpans(), func(s tracetest.SpanStub) bool {
		return s.Name != "pitwheel "+name || task != "" && !strings.HasPrefix(attributeOf(s, "pitwheel.task"), task)
	})
}

// A record that carries a trace context is followed through two subtopologies to the output.
func TestTraceContextTravelsThroughRepartitionTopics(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	c := b.config(t)
	c.Tracer = oteltracing.New(provider)
	b.produceTraced("words", "k", "a")
	_, stop := start(t, wordCounts(t), c)
	repartitioned := b.headersOf("app-word-counts-repartition")
	out := b.headersOf("counts")
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	first, second := spansOf(exporter, "batch", "0_"), spansOf(exporter, "batch", "1_")
	if len(first) != 1 || len(second) != 1 {
		t.Fatalf("%d and %d batches, want one of each subtopology", len(first), len(second))
	}
	if !linksTo(first[0], outside) {
		t.Errorf("the first batch links to %v, not to the record's trace", first[0].Links)
	}
	if d := cmp.Diff(map[string]string{"own": "x", "traceparent": traceparent(first[0])}, repartitioned); d != "" {
		t.Errorf("the repartition topic's headers: %s", d)
	}
	if !linksTo(second[0], traceparent(first[0])) {
		t.Errorf("the second batch links to %v, not to the first", second[0].Links)
	}
	if got := out["traceparent"]; got != traceparent(second[0]) {
		t.Errorf("the output carries %q, want the second batch's %q", got, traceparent(second[0]))
	}
	if records := attributeOf(first[0], "pitwheel.records"); records != "1" {
		t.Errorf("the first batch says it had %s records, want 1", records)
	}
	if changelog := b.headersOf("app-word-counts-changelog"); len(changelog) > 0 {
		t.Errorf("the changelog's record has headers %v", changelog)
	}
	checkCommitSpans(t, exporter, second[0])
}

// checkCommitSpans looks for the commit of a batch, with its phases, and for the way to the tasks.
func checkCommitSpans(t *testing.T, exporter *tracetest.InMemoryExporter, batch tracetest.SpanStub) {
	t.Helper()
	commits := slices.DeleteFunc(spansOf(exporter, "commit", ""), func(s tracetest.SpanStub) bool {
		return !linksTo(s, traceparent(batch))
	})
	if len(commits) != 1 {
		t.Fatalf("%d commits link to the batch, want one", len(commits))
	}
	var phases []string
	for _, s := range exporter.GetSpans() {
		if s.Parent.SpanID() == commits[0].SpanContext.SpanID() {
			phases = append(phases, s.Name)
		}
	}
	want := []string{"pitwheel freeze", "pitwheel produce", "pitwheel flush", "pitwheel end", "pitwheel apply"}
	if d := cmp.Diff(want, phases); d != "" {
		t.Errorf("phases of the commit: %s", d)
	}
	if n := len(spansOf(exporter, "restore", "")); n != 2 {
		t.Errorf("%d restores, want one for each task", n)
	}
	if n := len(spansOf(exporter, "rebalance", "")); n == 0 {
		t.Error("no rebalance")
	}
}

// Without a tracer headers pass as Kafka Streams passes them: as they are.
func TestHeadersPassUnchangedWithoutATracer(t *testing.T) {
	b := newBroker(t, 1, "words", "copies")
	b.produceTraced("words", "k", "a")
	plan := planOf(t, func(b *topology.Builder) { b.Stream(words).To(texts("copies")) })
	start(t, plan, b.config(t))
	want := map[string]string{"own": "x", "traceparent": outside}
	if d := cmp.Diff(want, b.headersOf("copies")); d != "" {
		t.Error(d)
	}
}

// An aborted commit is a failed span with a phase that asks what became of it; what is done again has
// spans of its own. Steps are traced where they are asked for, and what a record cache held back carries
// its commit.
func TestAbortsStepsAndCachesAreTraced(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.ProducerFenced, Count: 2})
	exporter := tracetest.NewInMemoryExporter()
	c := b.config(t)
	c.Tracer, c.TraceSteps = oteltracing.New(sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))), true
	plan := planOf(t, func(b *topology.Builder) {
		b.Stream(words).GroupByKey().Count(topology.As("totals"), topology.Cached(), topology.Name("count")).ToStream().To(counts)
	})
	b.produce("words", 3, func(int) (string, string) { return "k", "w" })
	_, stop := start(t, plan, c)
	out := b.headersOf("counts")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	failed, carried := 0, false
	for _, s := range spansOf(exporter, "commit", "") {
		if s.Status.Code == codes.Error {
			failed++
		}
		carried = carried || out["traceparent"] == traceparent(s)
	}
	if failed == 0 || len(spansOf(exporter, "recover", "")) == 0 {
		t.Errorf("%d commits failed, %d recovered", failed, len(spansOf(exporter, "recover", "")))
	}
	if !carried {
		t.Errorf("the output carries %q, which is no commit's", out["traceparent"])
	}
	batches := map[string]bool{}
	for _, s := range spansOf(exporter, "batch", "0_0") {
		batches[s.SpanContext.SpanID().String()] = true
	}
	counted := 0
	for _, s := range spansOf(exporter, "step", "") {
		if !batches[s.Parent.SpanID().String()] || s.EndTime.Before(s.StartTime) {
			t.Errorf("step %v is not in a batch, or ends before it begins", s.Attributes)
		}
		if attributeOf(s, "pitwheel.step") == "count" && attributeOf(s, "pitwheel.in") == "3" {
			counted++
		}
	}
	if counted == 0 {
		t.Error("no span of the counting step with its three records")
	}
}
