package pitwheel_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

var (
	words  = topology.NewTopic("words", serde.String(), serde.String())
	counts = topology.NewTopic("counts", serde.String(), serde.Int64())
)

func wordCounts(t *testing.T) *topology.Plan {
	t.Helper()
	plan, err := wordCountPlan()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// wordCountPlan counts values: a repartition topic, two subtopologies, a store.
func wordCountPlan() (*topology.Plan, error) {
	b := topology.NewBuilder()
	b.Stream(words).
		GroupBy(func(_, word string) string { return word }).
		Count(topology.As("word-counts")).
		ToStream().
		To(counts)
	return b.Build()
}

// broker is an embedded Kafka with a client for the test itself.
type broker struct {
	*kfake.Cluster
	t      *testing.T
	client *kgo.Client
}

func newBroker(t *testing.T, partitions int32, topics ...string) *broker {
	t.Helper()
	return newBrokerWith(t, kfake.SeedTopics(partitions, topics...))
}

func newBrokerWith(t *testing.T, opts ...kfake.Opt) *broker {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	// The embedded broker drops a member, and its request, whose session times out while it waits for
	// the others to join; so it must not wait for a dead one for that long.
	c.ControlKey(kmsg.JoinGroup.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r.(*kmsg.JoinGroupRequest).RebalanceTimeoutMillis = 3000
		return nil, nil, false
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		c.Close()
	})
	return &broker{Cluster: c, t: t, client: client}
}

func (b *broker) config(t *testing.T) pitwheel.Config {
	t.Helper()
	return pitwheel.Config{
		ApplicationID: "app", Brokers: b.ListenAddrs(), StateDir: filepath.Join(t.TempDir(), "state"),
		CommitInterval: 20 * time.Millisecond, Loops: 2, SessionTimeout: 6 * time.Second,
		Logger: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
}

// testWriter is the test's log. An app that outlives its test would panic there, which is right.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(line []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

func (b *broker) produce(topic string, n int, record func(i int) (key, value string)) {
	b.t.Helper()
	records := make([]*kgo.Record, n)
	for i := range n {
		key, value := record(i)
		records[i] = &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value), Timestamp: time.UnixMilli(int64(i))}
	}
	if err := b.client.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// latest reads the topic as a read_committed consumer until done says so, and returns the last
// value of each key and the number of records.
func (b *broker) latest(topic string, done func(map[string]string, int) bool) (map[string]string, int) {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	last, n := map[string]string{}, 0
	for !done(last, n) {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			b.t.Fatalf("topic %q: gave up after %d records with %v", topic, n, last)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			last[string(r.Key)] = fmt.Sprintf("%x", r.Value)
			n++
		})
	}
	return last, n
}

// start runs an app; stop ends it and returns what Run returned.
func start(t *testing.T, plan *topology.Plan, c pitwheel.Config) (app *pitwheel.App, stop func() error) {
	t.Helper()
	app, err := pitwheel.New(plan, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	var result error
	stopped := false
	stop = func() error {
		if !stopped {
			cancel()
			result, stopped = <-ended, true
		}
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return app, stop
}

// await waits until the condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
		<-tick.C
	}
}

func wantCounts(keys, n int) map[string]string {
	want := map[string]string{}
	for i := range n {
		want[fmt.Sprintf("w%d", i%keys)] = ""
	}
	for k := range maps.Keys(want) {
		want[k] = fmt.Sprintf("%016x", n/keys)
	}
	return want
}

// TestCountsAreExactOverStops runs an app through two lives and checks every count.
func TestCountsAreExactOverStops(t *testing.T) {
	for name, guarantee := range map[string]pitwheel.Guarantee{
		"exactly once": pitwheel.ExactlyOnce, "at least once": pitwheel.AtLeastOnce,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, 4, "words", "counts")
			c := b.config(t)
			c.Guarantee = guarantee
			word := func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%10) }
			for life := 1; life <= 2; life++ {
				b.produce("words", 1000, word)
				app, stop := start(t, wordCounts(t), c)
				want := wantCounts(10, 1000*life)
				got, _ := b.latest("counts", func(last map[string]string, _ int) bool { return cmp.Equal(last, want) })
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				if app.State() != pitwheel.Closed {
					t.Errorf("state %v after stop", app.State())
				}
			}
		})
	}
}

// TestStateComesBackFromTheChangelog deletes the state directory between two lives.
func TestStateComesBackFromTheChangelog(t *testing.T) {
	b := newBroker(t, 2, "words", "counts")
	c := b.config(t)
	word := func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%10) }
	for life := 1; life <= 2; life++ {
		restored := make(chan pitwheel.Restore, 8)
		c.OnRestore = func(r pitwheel.Restore) {
			if r.Done() {
				restored <- r
			}
		}
		b.produce("words", 500, word)
		_, stop := start(t, wordCounts(t), c)
		want := wantCounts(10, 500*life)
		b.latest("counts", func(last map[string]string, _ int) bool { return cmp.Equal(last, want) })
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		close(restored)
		replayed := int64(0)
		for r := range restored {
			replayed += r.Records
		}
		if life == 2 && replayed == 0 {
			t.Error("nothing was replayed from the changelog")
		}
		if err := os.RemoveAll(c.StateDir); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMissingTopicsAreAllNamed starts an app whose topics do not exist.
func TestMissingTopicsAreAllNamed(t *testing.T) {
	b := newBroker(t, 1, "other")
	app, err := pitwheel.New(wordCounts(t), b.config(t))
	if err != nil {
		t.Fatal(err)
	}
	err = app.Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), `"words"`) || !strings.Contains(err.Error(), `"counts"`) {
		t.Fatalf("got %v, want an error that names both topics", err)
	}
	if app.State() != pitwheel.Failed {
		t.Errorf("state %v, want failed", app.State())
	}
}

// TestPanicNamesRecordAndStep runs a user function that panics under the default policy.
func TestPanicNamesRecordAndStep(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	builder := topology.NewBuilder()
	builder.Stream(words).MapValues(func(_, v string) int64 {
		if v == "bad" {
			panic("no such word")
		}
		return 1
	}, topology.Name("risky")).To(counts)
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	b.produce("words", 3, func(i int) (string, string) { return "k", []string{"a", "bad", "c"}[i] })
	app, err := pitwheel.New(plan, b.config(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err = app.Run(ctx)
	for _, part := range []string{`"words"`, "offset 1", `"risky"`, "no such word"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want an error with %s", err, part)
		}
	}
	if errors.Is(err, context.Canceled) {
		t.Error("the cause is hidden behind a cancellation")
	}
}
