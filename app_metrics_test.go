package pitwheel_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// produceNumber writes a record of 8 bytes, or of too few, to partition 0.
func (b *broker) produceNumber(topic, value string, at int64) {
	b.t.Helper()
	r := &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(value), Timestamp: time.UnixMilli(at)}
	if err := b.client.ProduceSync(context.Background(), r).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

const number = "\x00\x00\x00\x00\x00\x00\x00\x01"

// Every number of a run that is known by heart.
func TestMetricsAreExact(t *testing.T) {
	b := newBroker(t, 1, "numbers", "counts", "dead")
	numbers := topology.NewTopic("numbers", serde.String(), serde.Int64())
	plan := planOf(t, func(b *topology.Builder) {
		b.Stream(numbers, topology.OnError(topology.ErrorPolicies{Decode: topology.DeadLetter("dead")}), topology.Name("read")).
			Filter(func(_ string, v int64) bool { return v == 1 }, topology.Name("ones")).
			GroupByKey().
			Count(topology.As("totals"), topology.Name("count")).
			ToStream(topology.Name("stream")).
			To(counts, topology.Name("write"))
	})
	c := b.config(t)
	c.StepMetrics = true
	b.produceNumber("numbers", number, 5000)
	b.produceNumber("numbers", number, 2000) // 3 s behind stream time
	b.produceNumber("numbers", "\x00\x00\x00\x00\x00\x00\x00\x02", 6000)
	b.produceNumber("numbers", "short", 6000)
	b.produceNumber("numbers", number, 7000)
	app, stop := start(t, plan, c)
	await(t, "everything to be committed", func() bool { return app.Metrics().Processed == 5 })
	s := app.Metrics()
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	totals := metrics.Totals{
		Processed: 5, Produced: 4, DeadLettered: 1, Dropped: map[string]int64{"decode_value": 1},
		Lateness: 3 * time.Second, LatenessMax: 3 * time.Second,
	}
	if d := cmp.Diff(totals, s.Totals); d != "" {
		t.Errorf("totals: %s", d)
	}
	if len(s.Tasks) != 1 || s.State != "running" || s.StreamTime != 7000 || s.TasksOpened != 1 || s.Rebalances == 0 {
		t.Fatalf("%d tasks, %s, stream time %d, %d opened, %d rebalances", len(s.Tasks), s.State, s.StreamTime, s.TasksOpened, s.Rebalances)
	}
	task := s.Tasks[0]
	if d := cmp.Diff(totals, task.Totals); d != "" {
		t.Errorf("the task's totals: %s", d)
	}
	if task.State != "running" || task.StreamTime != 7000 || task.Processing <= 0 {
		t.Errorf("task %s, stream time %d, processing %v", task.State, task.StreamTime, task.Processing)
	}
	if d := cmp.Diff([]metrics.Input{{Topic: "numbers", Consumed: 5, Position: 5, End: 5}}, task.Inputs); d != "" {
		t.Errorf("inputs: %s", d)
	}
	steps := []metrics.Step{
		{Name: "read", Counted: true, In: 5, Out: 4, Dropped: map[string]int64{"decode_value": 1}},
		{Name: "ones", Counted: true, In: 4, Out: 3},
		{Name: "count", Counted: true, In: 3, Out: 3},
		{Name: "stream", Counted: true, In: 3, Out: 3},
		{Name: "write", Counted: true, In: 3},
	}
	if d := cmp.Diff(steps, task.Steps); d != "" {
		t.Errorf("steps: %s", d)
	}
	// The only key is looked up three times, the first time below the cache.
	if st := task.Stores[0]; st.Name != "totals" || st.CacheHits+st.CacheMisses != 3 || st.CacheMisses > 1 || st.CacheBytes == 0 {
		t.Errorf("store %+v", st)
	}
	if s.CacheBytes == 0 || s.CacheBytesMax == 0 || s.Commits == 0 || s.LastPoll.IsZero() {
		t.Errorf("cache %d of %d bytes, %d commits, last poll %v", s.CacheBytes, s.CacheBytesMax, s.Commits, s.LastPoll)
	}
	commits := int64(0)
	for _, l := range s.Loops {
		commits += l.CommitLatency.Count()
	}
	if commits != s.Commits {
		t.Errorf("latencies of %d commits, %d commits", commits, s.Commits)
	}
}

// What an abort does again, or another instance after a move, is counted once.
func TestTotalsCountOnceAfterAbortsAndMoves(t *testing.T) {
	const n = 400
	b := newBroker(t, 2, "words", "counts")
	word := func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%10) }
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError, Count: 3})
	b.produce("words", n, word)
	one := b.config(t)
	first, stopFirst := start(t, wordCounts(t), one)
	want := wantCounts(10, n)
	b.latest("counts", func(last map[string]string, _ int) bool { return cmp.Equal(last, want) })
	two := b.config(t)
	second, stopSecond := start(t, wordCounts(t), two)
	await(t, "the second instance to have tasks that run", func() bool {
		s := second.Metrics()
		return len(s.Tasks) > 0 && s.Tasks[0].State == "running"
	})
	b.produce("words", n, word)
	want = wantCounts(10, 2*n)
	b.latest("counts", func(last map[string]string, _ int) bool { return cmp.Equal(last, want) })
	for _, stop := range []func() error{stopFirst, stopSecond} {
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	a, z := first.Metrics(), second.Metrics()
	// Each record is processed in both subtopologies, and put out by both.
	if a.Processed+z.Processed != 4*n || a.Produced+z.Produced != 4*n {
		t.Errorf("processed %d + %d, want %d; produced %d + %d, want %d", a.Processed, z.Processed, 4*n, a.Produced, z.Produced, 4*n)
	}
	if a.Aborts+z.Aborts == 0 {
		t.Error("nothing was aborted")
	}
	if z.Processed == 0 || a.TasksClosed == 0 {
		t.Errorf("the second instance processed %d, the first gave up %d tasks", z.Processed, a.TasksClosed)
	}
}

// Reading from several goroutines, from before the start until after the end.
func TestMetricsAreReadWhileProcessing(t *testing.T) {
	b := newBroker(t, 4, "words", "counts")
	word := func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%10) }
	app, err := pitwheel.New(wordCounts(t), b.config(t))
	if err != nil {
		t.Fatal(err)
	}
	if s := app.Metrics(); s.State != "created" || s.StreamTime != -1 || s.Application != "app" {
		t.Errorf("before the start: %+v", s)
	}
	running, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(running) }()
	var readers sync.WaitGroup
	over := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			processed := int64(0)
			for {
				select {
				case <-over:
					return
				default:
				}
				s := app.Metrics()
				if s.Processed < processed {
					t.Errorf("processed went from %d back to %d", processed, s.Processed)
				}
				processed = s.Processed
				for range s.Points {
				}
			}
		})
	}
	b.produce("words", 1000, word)
	want := wantCounts(10, 1000)
	b.latest("counts", func(last map[string]string, _ int) bool { return cmp.Equal(last, want) })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s := app.Metrics()
	close(over)
	readers.Wait()
	if s.State != "closed" || s.Processed != 2000 || len(s.Tasks) != 0 {
		t.Errorf("after the end: %s, processed %d, %d tasks", s.State, s.Processed, len(s.Tasks))
	}
}
