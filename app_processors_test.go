package pitwheel_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// TestProcessorsSurviveAborts: commits fail while a processor counts in its store and in memory of its
// own. What it tells must be as if nothing had happened, and each set-up is ended once.
func TestProcessorsSurviveAborts(t *testing.T) {
	b := newBroker(t, 3, "words", "counts")
	var setUps, closes, cancelled atomic.Int64
	builder := topology.NewBuilder()
	rows := builder.KeyValueStore("rows", serde.String(), serde.Int64())
	builder.Stream(words).Process(func(c *processor.Context[string, int64]) (processor.Func[string, string], error) {
		rows, own := rows.In(c), map[string]int64{}
		for k, n := range rows.All() {
			own[k] = n // what is committed
		}
		setUps.Add(1)
		context.AfterFunc(c.Context(), func() { cancelled.Add(1) })
		c.OnClose(func() error { closes.Add(1); return nil })
		return func(r record.Record[string, string]) error {
			n, _ := rows.Get(r.Value())
			own[r.Value()]++
			if n++; n != own[r.Value()] {
				return fmt.Errorf("%d in the store, %d in memory", n, own[r.Value()])
			}
			rows.Put(r.Value(), n)
			c.Forward(record.New(r.Value(), n, r.Time()))
			return nil
		}, nil
	}, rows).To(counts)
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	// A word's lines are all under its key, so one task has them.
	word := func(i int) (string, string) { w := fmt.Sprintf("w%d", i%7); return w, w }
	want := map[string]int64{}
	for i := range 2100 {
		_, w := word(i)
		want[w]++
	}
	b.produce("words", 700, word)
	app, stop := start(t, plan, b.config(t))
	b.awaitRecords("counts", 1)
	fault := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError, Count: 3})
	b.produce("words", 700, word)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := fault.Wait(ctx, 1); err != nil {
		t.Fatalf("the fault was never met: %v", err)
	}
	b.produce("words", 700, word)
	b.checkSequences("counts", want)
	if err := stop(); err != nil {
		t.Error(err)
	}
	aborts := app.Metrics().Aborts
	await(t, "the contexts to end", func() bool { return cancelled.Load() == setUps.Load() })
	if n := setUps.Load(); aborts == 0 || n <= 4 || closes.Load() != n {
		t.Errorf("%d aborts, %d set-ups (3 tasks and a trial), %d ended", aborts, n, closes.Load())
	}
}

// TestNewTriesProcessors: a processor that opens a store it is not connected with is refused before
// anything runs, and what the trial began is ended. All subtopologies are tried.
func TestNewTriesProcessors(t *testing.T) {
	b := topology.NewBuilder()
	seen := b.KeyValueStore("seen", serde.String(), serde.String())
	var closed int
	setup := func(opens bool, err error) processor.Setup[string, string, string, string] {
		return func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
			c.OnClose(func() error { closed++; return nil })
			if opens {
				seen.In(c)
			}
			return func(record.Record[string, string]) error { return nil }, err
		}
	}
	s := b.Stream(words)
	s.Process(setup(true, nil), topology.Name("user"), seen)
	s.Process(setup(true, nil), topology.Name("stranger"))
	s.SelectKey(func(_, v string) string { return v }).Repartition(topology.Name("by-value")).
		Process(setup(false, errors.New("no such host")), topology.Name("behind"))
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	_, err = pitwheel.New(plan, pitwheel.Config{ApplicationID: "app", Brokers: []string{"localhost:9092"}})
	for _, want := range []string{
		`task 0_0: step "stranger" uses the key-value store "seen" without being connected with it: give the handle to Process`,
		`task 1_0: step "behind": set-up: no such host`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if closed != 3 {
		t.Errorf("%d processors were closed, want 3", closed)
	}
}

// TestRunReturnsWhatOnCloseSays: an app that is stopped ends its processors, and what they could not
// bring to an end is the app's error.
func TestRunReturnsWhatOnCloseSays(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	builder := topology.NewBuilder()
	var trial atomic.Bool
	trial.Store(true)
	builder.Stream(words).Process(func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
		c.OnClose(func() error {
			if trial.Load() {
				return nil
			}
			return errors.New("3 messages are not sent")
		})
		return func(r record.Record[string, string]) error { c.Forward(r); return nil }, nil
	}, topology.Name("sender")).To(topology.NewTopic("counts", serde.String(), serde.String()))
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	_, stop := start(t, plan, b.config(t))
	trial.Store(false)
	b.produce("words", 10, func(i int) (string, string) { return "k", "w" })
	b.awaitRecords("counts", 10)
	if err := stop(); err == nil || !strings.Contains(err.Error(), `task 0_0: step "sender": OnClose: 3 messages are not sent`) {
		t.Errorf("got %v", err)
	}
}

// TestProcessorsMoveWithTheirTasks lets a second instance come and go while processors count in their
// stores: where a task is set up, its processor has been closed elsewhere before.
func TestProcessorsMoveWithTheirTasks(t *testing.T) {
	b := newBroker(t, 6, "words", "counts")
	var mu sync.Mutex
	live, setUps := map[record.TaskID]int{}, 0
	builder := topology.NewBuilder()
	rows := builder.KeyValueStore("rows", serde.String(), serde.Int64())
	builder.Stream(words).Process(func(c *processor.Context[string, int64]) (processor.Func[string, string], error) {
		rows, id := rows.In(c), c.ID()
		note := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			setUps += max(n, 0)
			// The trials are called 0_0 too, and run beside.
			if live[id] += n; live[id] > 1 && id.Partition > 0 {
				t.Errorf("task %v has %d processors at a time", id, live[id])
			}
		}
		note(1)
		c.OnClose(func() error { note(-1); return nil })
		return func(r record.Record[string, string]) error {
			n, _ := rows.Get(r.Key())
			rows.Put(r.Key(), n+1)
			c.Forward(r.WithValue(n + 1))
			return nil
		}, nil
	}, rows).To(counts)
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	send := func(n int) {
		b.produce("words", n, func(i int) (string, string) { return fmt.Sprint("w", i%53), "word" })
		for i := range n {
			want[fmt.Sprint("w", i%53)]++
		}
	}
	instance := func(name string) pitwheel.Config {
		c := b.config(t)
		c.InstanceID, c.LeaveOnStop, c.StateDir = name, true, filepath.Join(t.TempDir(), name)
		return c
	}
	_, stopOne := start(t, plan, instance("one"))
	send(500)
	b.awaitRecords("counts", 500)
	two, stopTwo := start(t, plan, instance("two"))
	await(t, "the second instance to process records", func() bool {
		send(53)
		return two.Metrics().Processed > 0
	})
	if err := stopTwo(); err != nil {
		t.Error(err)
	}
	send(500)
	b.checkSequences("counts", want)
	if err := stopOne(); err != nil {
		t.Error(err)
	}
	for id, n := range live {
		if n != 0 {
			t.Errorf("task %v has %d processors after the end", id, n)
		}
	}
	if setUps <= 2+6 {
		t.Errorf("%d set-ups, with two trials and 6 tasks: nothing has moved", setUps)
	}
}
