package pitwheel_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// TestBadRecordsDoNotLeaveAPartitionPaused fills the buffers with records that are all skipped.
func TestBadRecordsDoNotLeaveAPartitionPaused(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	builder := topology.NewBuilder()
	numbers := topology.NewTopic("words", serde.String(), serde.Int64())
	builder.Stream(numbers, topology.OnError(topology.ErrorPolicies{Decode: topology.Skip()})).To(counts)
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	c := b.config(t)
	c.MemoryLimit = 16 << 20
	big := strings.Repeat("x", 10_000)
	b.produce("words", 2000, func(int) (string, string) { return "k", big })
	app, stop := start(t, plan, c)
	b.produce("words", 10, func(int) (string, string) { return "k", "12345678" })
	b.latest("counts", func(_ map[string]string, n int) bool { return n == 10 })
	await(t, "the bad records to be counted", func() bool { return app.Metrics().Dropped["decode_value"] == 2000 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestSlowFunctionDoesNotHoldCommitsUp gives one loop several tasks whose function takes a while: each
// must be committed long before all that was fetched is processed.
func TestSlowFunctionDoesNotHoldCommitsUp(t *testing.T) {
	const tasks, each = 4, 400
	b := newBroker(t, tasks, "words", "counts")
	builder := topology.NewBuilder()
	seen := atomic.Int64{}
	builder.Stream(words).
		Peek(func(_, _ string) {
			seen.Add(1)
			pause(5 * time.Millisecond)
		}).
		MapValues(func(_, _ string) int64 { return 1 }).To(counts)
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	b.produce("words", tasks*each, func(i int) (string, string) { return fmt.Sprint(i), "w" })
	c := b.config(t)
	c.Loops = 1
	app, stop := start(t, plan, c)
	await(t, "every partition to have something committed", func() bool {
		for _, p := range b.PartitionInfos("counts") {
			if p.LastStableOffset == 0 {
				return false
			}
		}
		return true
	})
	if n := seen.Load(); n > tasks*each/2 {
		t.Errorf("%d of %d records were processed before every task had committed", n, tasks*each)
	}
	if aborts := app.Metrics().Aborts; aborts > 0 {
		t.Errorf("%d commits were done again", aborts)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// pause is a user's function that takes its time, by the clock.
func pause(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

// TestStopEndsWithoutBrokers stops an app whose last commit nobody answers.
func TestStopEndsWithoutBrokers(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	record, want := counting(1)
	c := b.config(t)
	c.StopTimeout = 500 * time.Millisecond
	_, stop := start(t, wordCounts(t), c)
	b.produce("words", 100, record)
	b.checkSequences("counts", want(100))
	fault := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "counts", Err: kerr.NotLeaderForPartition, Count: -1})
	b.produce("words", 100, record)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := fault.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err == nil || !strings.Contains(err.Error(), "did not end within 500ms") {
		t.Errorf("got %v, want an error that says the last commit did not end", err)
	}
}

// TestWhoIsToldOfAStateMayAskForIt asks for the state in OnStateChange.
func TestWhoIsToldOfAStateMayAskForIt(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	c := b.config(t)
	var app *pitwheel.App
	var told []pitwheel.State
	c.OnStateChange = func(_, now pitwheel.State) {
		_ = app.State()
		told = append(told, now)
	}
	app, err := pitwheel.New(wordCounts(t), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if last := told[len(told)-1]; last != pitwheel.Closed {
		t.Errorf("told %v, want closed at the end", told)
	}
}
