package integration_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/integration/kafkatest"
)

// figures says whether to measure: make figures does.
func figures(t *testing.T) *kafkatest.Kafka {
	t.Helper()
	if os.Getenv("PITWHEEL_FIGURES") == "" {
		t.Skip("make figures measures this")
	}
	return kafkatest.Run(t, kafkatest.Alone("figures"), kafkatest.JVM(" "), kafkatest.Patience(10*time.Minute))
}

// count is a number of the environment's.
func count(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is %q: give a number", variable, text)
	}
	return n
}

// restarts is how often each size of state is killed and comes back.
const restarts = 7

// TestFigureRestart measures, for state of several sizes, the time from a process' start after kill -9
// to its first record; and what reading all of the state back from the changelog takes.
func TestFigureRestart(t *testing.T) {
	k := figures(t)
	million := count(t, "PITWHEEL_FIGURES_MILLION", 1_000_000)
	for _, rows := range []int{million, 10 * million} {
		t.Run(fmt.Sprintf("%d rows", rows), func(t *testing.T) {
			app := newLatest(t, k, false)
			p := place{
				Latest: app, Instance: "one", Brokers: k.Brokers, StateDir: filepath.Join(t.TempDir(), "state"), Session: time.Minute,
			}
			i := p.start(t)
			began := time.Now()
			fill(t, k, app, rows)
			k.AwaitRead(app.ID, kafkatest.Topic(app.Numbers))
			t.Logf("%d rows came to be in %v", rows, time.Since(began).Round(time.Second))
			var took []time.Duration
			for range restarts {
				fill(t, k, app, min(rows, 10_000))
				k.AwaitRead(app.ID, kafkatest.Topic(app.Numbers))
				i.kill()
				fill(t, k, app, 100)
				began := time.Now()
				i = p.start(t)
				took = append(took, i.first().Sub(began))
			}
			slices.Sort(took)
			t.Logf("RESTART after kill -9, %d rows: first record after %v (median of %d), worst %v",
				rows, took[len(took)/2].Round(time.Millisecond), len(took), took[len(took)-1].Round(time.Millisecond))
			i.kill()
			restoreFromEmpty(t, p)
		})
	}
}

// restoreFromEmpty starts an instance elsewhere, whose membership is the dead one's.
func restoreFromEmpty(t *testing.T, p place) {
	t.Helper()
	p.StateDir = filepath.Join(t.TempDir(), "elsewhere")
	i := p.start(t)
	await(t, "all partitions to be restored", func() bool { return len(i.said("restored ")) == partitions })
	var wall, cpu int
	last := i.said("restoring ")[partitions-1]
	if _, err := fmt.Sscanf(last, "took %d ms and %d ms of CPU", &wall, &cpu); err != nil {
		t.Fatal(last, err)
	}
	n := float64(i.restored())
	t.Logf("RESTORE from empty: %.0f records, %.0f a second, %.2f s of CPU a million, %d ms in all",
		n, n/(float64(wall)/1000), float64(cpu)/1000/(n/1e6), wall)
	i.kill()
}

// first is when the instance had its first record.
func (i *instance) first() time.Time {
	i.t.Helper()
	await(i.t, "the first record", func() bool { return len(i.said("first ")) > 0 })
	micros, err := strconv.ParseInt(i.said("first ")[0], 10, 64)
	if err != nil {
		i.t.Fatal(err)
	}
	return time.UnixMicro(micros)
}

// fill sends a number to each of so many keys.
func fill(t *testing.T, k *kafkatest.Kafka, app latest, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.DefaultProduceTopic(app.Numbers),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedRecords(100_000), kgo.ProducerLinger(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range n {
		value := binary.BigEndian.AppendUint64(nil, uint64(i))
		client.Produce(t.Context(), &kgo.Record{Key: fmt.Appendf(nil, "k%d", i), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// failoverSession is the session timeout that failover is measured with.
const failoverSession = 3 * time.Second

// TestFigureFailover kills one of two instances, again and again, and measures until the last of its
// partitions gives results again, from the other one.
func TestFigureFailover(t *testing.T) {
	k := figures(t)
	app := newLatest(t, k, true)
	rounds := count(t, "PITWHEEL_FIGURES_ROUNDS", 30)
	var places [2]place
	var running [2]*instance
	for i := range places {
		places[i] = place{Latest: app, Brokers: k.Brokers, StateDir: filepath.Join(t.TempDir(), fmt.Sprint(i)), Session: failoverSession}
		running[i] = places[i].start(t)
	}
	w := watchResults(t, k, app)
	var took []time.Duration
	for round := range rounds {
		awaitShared(t, k, application{ID: app.ID}, 2)
		w.awaitAll(w.sent())
		victim := round % 2
		at := w.sent()
		killed := time.Now()
		running[victim].kill()
		took = append(took, w.awaitAll(at).Sub(killed))
		running[victim] = places[victim].start(t)
	}
	slices.Sort(took)
	t.Logf("FAILOVER of a killed instance, %d rounds, session timeout %v: median %v, worst %v", rounds, failoverSession,
		took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	if worst := took[len(took)-1]; worst > failoverSession+time.Second {
		t.Errorf("the worst is above the session timeout and a second")
	}
}

// results watches what comes out of each partition while numbers go into all of them.
type results struct {
	t      *testing.T
	client *kgo.Client
	number chan chan int64
	news   chan arrival
	latest [partitions]arrival
}

// arrival is a result that became visible.
type arrival struct {
	partition int32
	number    int64
	at        time.Time
}

func watchResults(t *testing.T, k *kafkatest.Kafka, app latest) *results {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumeTopics(app.Results), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	r := &results{t: t, client: client, number: make(chan chan int64), news: make(chan arrival, 1<<20)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 2)
	go func() { r.send(ctx, app); done <- struct{}{} }()
	go func() { r.receive(ctx); done <- struct{}{} }()
	t.Cleanup(func() { cancel(); <-done; <-done; client.Close() })
	return r
}

// send puts a number into each partition every 20 ms, and tells who asks the last one.
func (r *results) send(ctx context.Context, app latest) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for number := int64(1); ; {
		select {
		case answer := <-r.number:
			answer <- number - 1
		case <-tick.C:
			for p := range int32(partitions) {
				r.client.Produce(ctx, &kgo.Record{
					Topic: app.Numbers, Partition: p, Key: fmt.Appendf(nil, "p%d", p), Value: binary.BigEndian.AppendUint64(nil, uint64(number)),
				}, nil)
			}
			number++
		case <-ctx.Done():
			return
		}
	}
}

func (r *results) receive(ctx context.Context) {
	for ctx.Err() == nil {
		r.client.PollFetches(ctx).EachRecord(func(record *kgo.Record) {
			from, _ := strconv.Atoi(strings.TrimPrefix(string(record.Key), "p"))
			r.news <- arrival{int32(from), int64(binary.BigEndian.Uint64(record.Value)), time.Now()}
		})
	}
}

// sent is the last number that was.
func (r *results) sent() int64 {
	answer := make(chan int64)
	r.number <- answer
	return <-answer
}

// awaitAll waits until each partition has given a result of a later number, and returns when the last
// of them did.
func (r *results) awaitAll(after int64) (last time.Time) {
	r.t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		behind := false
		last = time.Time{}
		for _, a := range r.latest {
			behind = behind || a.number <= after
			if a.at.After(last) {
				last = a.at
			}
		}
		if !behind {
			return last
		}
		select {
		case a := <-r.news:
			if kept := r.latest[a.partition]; kept.number <= after {
				r.latest[a.partition] = a // the first that is later
			}
		case <-end.C:
			r.t.Fatalf("waited %v for a result of each partition after %d: %v", patience, after, r.latest)
		}
	}
}
