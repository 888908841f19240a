package pitwheel_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// keyCounts counts records by key, and calls seen for each before it is counted.
func keyCounts(t *testing.T, seen func()) (*topology.Plan, store.KeyValueRef[string, int64]) {
	t.Helper()
	b := topology.NewBuilder()
	table := b.Stream(words).
		Peek(func(_, _ string) { seen() }).
		GroupByKey().
		Count(topology.As("key-counts"))
	table.ToStream().To(counts)
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan, table.Store()
}

func nothing() {}

func keyOf(n int) func(i int) (string, string) {
	return func(i int) (string, string) { return fmt.Sprintf("k%d", i%n), "v" }
}

// allRows is what a reader has, with the errors that came behind.
func allRows(reader store.KeyValueReader[string, int64]) (rows map[string]int64, errs []error) {
	rows = map[string]int64{}
	for e, err := range reader.All(context.Background()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rows[e.Key] = e.Value
	}
	return rows, errs
}

// A query sees a commit as a whole once it is one: not what is processed while the transaction cannot
// end, and all of it after.
func TestQueriesSeeOnlyWhatIsCommitted(t *testing.T) {
	b := newBroker(t, 3, "words", "counts")
	var seen atomic.Int64
	plan, handle := keyCounts(t, func() { seen.Add(1) })
	app, stop := start(t, plan, b.config(t))
	reader := app.KeyValue(handle)
	get := func(key string) int64 {
		n, _, err := reader.Get(context.Background(), key)
		if err != nil && !errors.Is(err, store.ErrRestoring) && !errors.Is(err, store.ErrNotHere) && !errors.Is(err, store.ErrNotReady) {
			t.Fatal(err)
		}
		return n
	}
	b.produce("words", 100, keyOf(10))
	want := map[string]int64{}
	for n := range 10 {
		want[fmt.Sprintf("k%d", n)] = 10
	}
	await(t, "the first counts", func() bool {
		rows, errs := allRows(reader)
		return len(errs) == 0 && maps.Equal(rows, want) && get("k3") == 10
	})

	stuck := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.CoordinatorLoadInProgress, Count: -1})
	b.produce("words", 100, keyOf(10))
	await(t, "records to be processed and a commit to be tried", func() bool { return seen.Load() > 100 && stuck.Hits() > 0 })
	rows, errs := allRows(reader)
	if diff := cmp.Diff(want, rows); diff != "" || len(errs) > 0 {
		t.Errorf("while the commit is not done: errors %v, -want +got\n%s", errs, diff)
	}
	stuck.Remove()
	await(t, "the second commit", func() bool {
		rows, _ := allRows(reader)
		return len(rows) == 10 && rows["k3"] == 20 && rows["k9"] == 20
	})
	if n, ok, err := reader.Get(context.Background(), "nobody's"); ok || err != nil {
		t.Errorf("a key without a row is %d, %v, %v", n, ok, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, _, err := reader.Get(context.Background(), "k1"); !errors.Is(err, store.ErrNotReady) {
		t.Errorf("after the end a query gives %v", err)
	}
}

// While commits are given up and done again, what queries see of a key never goes back.
func TestQueriesNeverGoBack(t *testing.T) {
	b := newBroker(t, 3, "words", "counts")
	plan, handle := keyCounts(t, nothing)
	app, stop := start(t, plan, b.config(t))
	reader := app.KeyValue(handle)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var readers sync.WaitGroup
	for r := range 3 {
		readers.Go(func() {
			last := map[string]int64{}
			for ctx.Err() == nil {
				if r == 0 {
					rows, _ := allRows(reader)
					for key, n := range rows {
						if n < last[key] {
							t.Errorf("%s was %d and is %d", key, last[key], n)
						}
						last[key] = n
					}
					continue
				}
				key := fmt.Sprintf("k%d", len(last)%7)
				n, ok, err := reader.Get(ctx, key)
				if err == nil && n < last[key] || ok && err != nil {
					t.Errorf("%s was %d and is %d, %v, %v", key, last[key], n, ok, err)
				}
				last[key] = max(n, last[key])
			}
		})
	}
	want := int64(0)
	for _, fault := range []kfake.Fault{
		{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.ProducerFenced, Count: 2},
		{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.TransactionAbortable, Count: 2},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: "counts", Err: kerr.InvalidProducerEpoch, Count: 2},
		{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.RequestTimedOut, Count: 2},
	} {
		b.produce("words", 700, keyOf(7))
		met := b.Fault(fault)
		b.produce("words", 700, keyOf(7))
		want += 200
		await(t, "the counts to be committed", func() bool {
			rows, _ := allRows(reader)
			return rows["k3"] == want && rows["k6"] == want
		})
		met.Remove()
	}
	cancel()
	readers.Wait()
	if app.Metrics().Aborts == 0 {
		t.Error("no commit was given up")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Before the app runs, while a partition's state is brought back, and of a store of another plan, an
// error says so and names the store.
func TestQueriesSayWhyThereIsNoAnswer(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	c := b.config(t)
	c.InstanceID = "one"
	plan, handle := keyCounts(t, nothing)
	b.produce("words", 100, keyOf(10))
	app, stop := start(t, plan, c)
	await(t, "the counts", func() bool { n, _, _ := app.KeyValue(handle).Get(context.Background(), "k1"); return n == 10 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(c.StateDir); err != nil {
		t.Fatal(err)
	}

	silent := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "app-key-counts-changelog", Err: kerr.NotLeaderForPartition, Count: -1})
	app, err := pitwheel.New(plan, c)
	if err != nil {
		t.Fatal(err)
	}
	reader := app.KeyValue(handle)
	check := func(reader store.KeyValueReader[string, int64], want error, names ...string) {
		t.Helper()
		_, ok, err := reader.Get(context.Background(), "k1")
		if ok || !errors.Is(err, want) {
			t.Errorf("got %v, %v, want %v", ok, err, want)
		}
		rows, errs := allRows(reader)
		if len(rows) > 0 || len(errs) != 1 || !errors.Is(errs[0], want) {
			t.Errorf("all are %v, %v, want %v", rows, errs, want)
		}
		for _, name := range names {
			if !strings.Contains(fmt.Sprint(err), name) {
				t.Errorf("%v does not name %s", err, name)
			}
		}
	}
	check(reader, store.ErrNotReady, `"key-counts"`, "created")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	await(t, "the restore to begin", func() bool { return silent.Hits() > 0 })
	check(reader, store.ErrRestoring, `"key-counts"`, "partition 0")
	silent.Remove()
	await(t, "the restore to end", func() bool { n, _, err := reader.Get(context.Background(), "k1"); return n == 10 && err == nil })

	other := topology.NewBuilder()
	strange := other.Stream(words).GroupByKey().Count(topology.As("other")).Store()
	check(app.KeyValue(strange), store.ErrUnknown, `"other"`)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Where several instances run, each key is answered by the one that has its partition, and by no
// other; walks that a move meets end with an error or whole.
func TestQueriesFollowTasks(t *testing.T) {
	b := newBroker(t, 4, "words", "counts")
	plan, handle := keyCounts(t, nothing)
	instance := func(name string) (*pitwheel.App, func() error) {
		c := b.config(t)
		c.InstanceID, c.LeaveOnStop = name, true
		c.StateDir = filepath.Join(t.TempDir(), name)
		return start(t, plan, c)
	}
	const keys = 400
	want := map[string]int64{}
	for n := range keys {
		want[fmt.Sprintf("k%d", n)] = 5
	}
	b.produce("words", 5*keys, keyOf(keys))
	one, stopOne := instance("one")
	reader := one.KeyValue(handle)
	await(t, "all counts on one instance", func() bool {
		rows, errs := allRows(reader)
		return len(errs) == 0 && maps.Equal(rows, want)
	})

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var walkers sync.WaitGroup
	walkers.Go(func() {
		for ctx.Err() == nil {
			rows, errs := allRows(reader)
			for _, err := range errs {
				if !errors.Is(err, store.ErrNotHere) && !errors.Is(err, store.ErrRestoring) {
					t.Errorf("a walk ended with %v", err)
				}
			}
			if len(errs) == 0 && len(rows) != keys {
				t.Errorf("a walk without an error has %d rows", len(rows))
			}
		}
	})
	two, stopTwo := instance("two")
	readers := []store.KeyValueReader[string, int64]{reader, two.KeyValue(handle)}
	await(t, "both instances to have tasks, and all of them to run", func() bool {
		found, away := map[string]int64{}, 0
		for _, r := range readers {
			rows, errs := allRows(r)
			if len(rows) == keys {
				return false
			}
			maps.Copy(found, rows)
			for _, err := range errs {
				if errors.Is(err, store.ErrNotHere) {
					away++
				}
			}
		}
		return maps.Equal(found, want) && away == 4
	})
	cancel()
	walkers.Wait()
	checkOneAnswers(t, readers, want)
	for _, stop := range []func() error{stopTwo, stopOne} {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}

// checkOneAnswers asks all readers for all keys: one has the row, the others say that it is not here.
func checkOneAnswers(t *testing.T, readers []store.KeyValueReader[string, int64], want map[string]int64) {
	t.Helper()
	for key := range want {
		answers := 0
		for _, r := range readers {
			n, ok, err := r.Get(context.Background(), key)
			if ok && n == want[key] && err == nil {
				answers++
			} else if !errors.Is(err, store.ErrNotHere) || !strings.Contains(err.Error(), `store "key-counts" partition`) {
				t.Errorf("%s: %d, %v, %v", key, n, ok, err)
			}
		}
		if answers != 1 {
			t.Errorf("%s is answered by %d instances", key, answers)
		}
	}
}

// Windows are read by key, by key and span, and all of a span.
func TestWindowQueries(t *testing.T) {
	b := newBroker(t, 2, "words", "counts")
	builder := topology.NewBuilder()
	handle := builder.Stream(words).GroupByKey().
		WindowedBy(windowing.Tumbling(100*time.Millisecond)).
		Count(topology.As("windows"), topology.Retention(time.Hour)).Store()
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	app, stop := start(t, plan, b.config(t))
	b.produce("words", 1000, keyOf(10)) // of times 0 to 999
	reader, ctx := app.Window(handle), context.Background()
	await(t, "all windows of both partitions", func() bool {
		n := 0
		for e, err := range reader.All(ctx, 0, 1000) {
			if err == nil && e.Value == 10 {
				n++
			}
		}
		return n == 100
	})
	if n, ok, err := reader.Get(ctx, "k1", 950); ok || err != nil {
		t.Errorf("a window that nothing fell into is %d, %v, %v", n, ok, err)
	}
	starts := []string{}
	for e, err := range reader.Range(ctx, "k4", 150, 400) {
		starts = append(starts, fmt.Sprint(e.Key.Key, " ", int64(e.Key.Start), " ", int64(e.Key.End), " ", e.Value, " ", int64(e.Time), " ", err))
	}
	want := []string{"k4 200 300 10 294 <nil>", "k4 300 400 10 394 <nil>", "k4 400 500 10 494 <nil>"}
	if diff := cmp.Diff(want, starts); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	n := 0
	for e, err := range reader.All(ctx, 100, 300) {
		if n++; err != nil || e.Value != 10 || e.Key.Start < 100 || e.Key.Start > 300 {
			t.Errorf("row %v, %v", e, err)
		}
	}
	if n != 30 {
		t.Errorf("%d windows, want 30", n)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Sessions are read by key and span, one by one, and all of a span.
func TestSessionQueries(t *testing.T) {
	b := newBroker(t, 2, "words", "counts")
	builder := topology.NewBuilder()
	handle := builder.Stream(words).GroupByKey().
		WindowedBySession(windowing.Session(50*time.Millisecond)).
		Count(topology.As("sessions"), topology.Retention(time.Hour)).Store()
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	app, stop := start(t, plan, b.config(t))
	b.produce("words", 1000, keyOf(10)) // of times 0 to 999: each key's are one session
	reader, ctx := app.Session(handle), context.Background()
	await(t, "the whole sessions of both partitions", func() bool {
		n := 0
		for e, err := range reader.All(ctx, 500, 500) {
			if err == nil && e.Value == 100 {
				n++
			}
		}
		return n == 10
	})
	whole := windowing.Key[string]{Key: "k4", Start: 4, End: 994}
	if e, ok, err := reader.Entry(ctx, whole); !ok || err != nil || e.Value != 100 || e.Time != 994 || e.Key != whole {
		t.Errorf("the session is %v, %v, %v", e, ok, err)
	}
	if n, ok, err := reader.Get(ctx, windowing.Key[string]{Key: "k4", Start: 4, End: 900}); ok || err != nil {
		t.Errorf("a session that has become another is %d, %v, %v", n, ok, err)
	}
	for _, tt := range []struct {
		from, to record.Time
		want     int
	}{{0, 3, 0}, {0, 4, 1}, {994, 2000, 1}, {995, 2000, 0}, {100, 100, 1}} {
		n := 0
		for e, err := range reader.Range(ctx, "k4", tt.from, tt.to) {
			if n++; err != nil || e.Key != whole {
				t.Errorf("row %v, %v", e, err)
			}
		}
		if n != tt.want {
			t.Errorf("%d sessions from %d to %d, want %d", n, tt.from, tt.to, tt.want)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
