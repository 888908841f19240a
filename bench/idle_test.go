package bench

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// idle is what an app takes that has nothing to do.
type idle struct {
	start      time.Duration
	rss        int64 // bytes
	goroutines int
}

// idleApp runs an app that counts, until it has run and been looked at.
func idleApp(b *testing.B, brokers []string, dir string, opts ...topology.StoreOption) idle {
	b.Helper()
	topic := topology.NewTopic("in", serde.String(), serde.String())
	builder := topology.NewBuilder()
	builder.Stream(topic).GroupByKey().Count(append(opts, topology.As("counts"))...)
	plan, err := builder.Build()
	if err != nil {
		b.Fatal(err)
	}
	runs := make(chan struct{})
	app, err := pitwheel.New(plan, pitwheel.Config{
		ApplicationID: "app", Brokers: brokers, StateDir: dir, Replication: 1, LeaveOnStop: true, Logger: slog.New(slog.DiscardHandler),
		OnStateChange: func(_, now pitwheel.State) {
			if now == pitwheel.Running {
				close(runs)
			}
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	before, goroutines := settledRSS(b), runtime.NumGoroutine()
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- app.Run(ctx) }()
	select {
	case <-runs:
	case err := <-ended:
		b.Fatalf("it ended: %v", err)
	}
	i := idle{start: time.Since(began), goroutines: runtime.NumGoroutine() - goroutines}
	i.rss = settledRSS(b) - before
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	return i
}

// settledRSS is the memory of this process in bytes, without what is garbage.
func settledRSS(b *testing.B) int64 {
	b.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("no /proc here")
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// BenchmarkIdle is an app of that many tasks, each with a store of its own in a Pebble of its own: how long it takes until it
// runs, with nothing there and once more with what it left, and what it holds while it does nothing.
func BenchmarkIdle(b *testing.B) { measureIdle(b, "tasks") }

// BenchmarkIdleInMemory is the same without Pebble.
func BenchmarkIdleInMemory(b *testing.B) { measureIdle(b, "tasks-in-memory", topology.InMemory()) }

func measureIdle(b *testing.B, what string, opts ...topology.StoreOption) {
	b.Helper()
	onlyAsked(b)
	for _, tasks := range []int32{1, 50, 200} {
		b.Run(fmt.Sprintf("%s=%d", what, tasks), func(b *testing.B) {
			for b.Loop() {
				cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(tasks, "in"))
				if err != nil {
					b.Fatal(err)
				}
				fillIdle(b, cluster.ListenAddrs(), tasks)
				dir := b.TempDir()
				first := idleApp(b, cluster.ListenAddrs(), dir, opts...)
				again := idleApp(b, cluster.ListenAddrs(), dir, opts...)
				cluster.Close()
				b.ReportMetric(float64(first.start.Milliseconds()), "start-ms")
				b.ReportMetric(float64(again.start.Milliseconds()), "restart-ms")
				b.ReportMetric(float64(again.rss)/(1<<10)/float64(tasks), "rss-KiB/task")
				b.ReportMetric(float64(again.goroutines)/float64(tasks), "goroutines/task")
			}
		})
	}
}

// fillIdle gives each partition a record, so that every task has state.
func fillIdle(b *testing.B, brokers []string, partitions int32) {
	b.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	for p := range partitions {
		r := &kgo.Record{Topic: "in", Partition: p, Key: []byte("key"), Value: []byte("value")}
		if err := client.ProduceSync(b.Context(), r).FirstErr(); err != nil {
			b.Fatal(err)
		}
	}
}
