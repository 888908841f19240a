package pitwheel_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
)

// tenWords are ten words in turn.
func tenWords(i int) (key, word string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%10) }

// lifeThatLeavesNoState counts 500 words, ends, and has its local state deleted: the changelog alone is left.
func (b *broker) lifeThatLeavesNoState(c pitwheel.Config) {
	b.t.Helper()
	b.produce("words", 500, tenWords)
	_, stop := start(b.t, wordCounts(b.t), c)
	want := wantCounts(10, 500)
	b.latest("counts", func(last map[string]string, _ int) bool { return cmp.Equal(last, want) })
	if err := stop(); err != nil {
		b.t.Fatal(err)
	}
	if err := os.RemoveAll(c.StateDir); err != nil {
		b.t.Fatal(err)
	}
}

// TestRestoreWaitsForBrokers has brokers not answer a restore's fetches for longer than any of its
// polls: that nothing comes does not mean that nothing is there.
func TestRestoreWaitsForBrokers(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	c := b.config(t)
	c.InstanceID = "one" // a new state directory would be a new member of the group, and wait for the old one
	b.lifeThatLeavesNoState(c)

	silent := b.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Fetch}, Topic: "app-word-counts-changelog", Err: kerr.NotLeaderForPartition, Count: -1,
	})
	restored := make(chan pitwheel.Restore, 8)
	c.OnRestore = func(r pitwheel.Restore) {
		if r.Task.Subtopology == 1 && r.Done() {
			restored <- r
		}
	}
	_, stop := start(t, wordCounts(t), c)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	select {
	case r := <-restored:
		t.Errorf("restored with %d records, though none could be read", r.Records)
	case <-ctx.Done():
	}
	if silent.Hits() == 0 {
		t.Error("the fault was not met")
	}
	silent.Remove()
	b.produce("words", 500, tenWords)
	want := wantCounts(10, 1000)
	got, _ := b.latest("counts", func(_ map[string]string, n int) bool { return n >= 1000 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestRestoreIsToldByStore restores from the changelog: every store that is replayed begins and ends,
// then its task is done.
func TestRestoreIsToldByStore(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	c := b.config(t)
	b.lifeThatLeavesNoState(c)

	told := make(chan pitwheel.Restore, 64)
	c.OnRestore = func(r pitwheel.Restore) {
		if r.Task.Subtopology == 1 {
			told <- r
		}
	}
	_, stop := start(t, wordCounts(t), c)
	var all []pitwheel.Restore
	for len(all) == 0 || !all[len(all)-1].Done() {
		all = append(all, <-told)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if len(all) < 3 {
		t.Fatalf("told %v", all)
	}
	first, last, task := all[0], all[len(all)-2], all[len(all)-1]
	if first.Event != pitwheel.RestoreStarted || first.Store != "word-counts" || first.Topic != "app-word-counts-changelog" || first.Records != 0 {
		t.Errorf("first %+v", first)
	}
	if last.Event != pitwheel.RestoreDone || last.Store != "word-counts" || last.Position < last.End || last.Records == 0 || last.Took <= 0 {
		t.Errorf("last %+v", last)
	}
	if task.Records != last.Records || task.Took < last.Took {
		t.Errorf("the task: %+v, its store %+v", task, last)
	}
}
