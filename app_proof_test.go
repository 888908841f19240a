package pitwheel_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// refused runs an app that must refuse to start, and returns its error.
func refused(t *testing.T, plan *topology.Plan, c pitwheel.Config) string {
	t.Helper()
	app, err := pitwheel.New(plan, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err = app.Run(ctx)
	if err == nil || !strings.Contains(err.Error(), "do not belong together") {
		t.Fatalf("got %v, want a refusal", err)
	}
	return err.Error()
}

// TestOffsetsThatAreGoneAreRefused deletes the group after an instance has only restored state: going
// on would count every record again.
func TestOffsetsThatAreGoneAreRefused(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	record, want := counting(1)
	c := b.config(t)
	c.InstanceID = "one"
	b.produce("words", 100, record)
	_, stop := start(t, wordCounts(t), c)
	b.checkSequences("counts", want(100))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(c.StateDir); err != nil {
		t.Fatal(err)
	}
	app, stop := start(t, wordCounts(t), c)
	await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	b.kick()
	deleted, err := kadm.NewClient(b.client).DeleteGroups(context.Background(), "app")
	if err := errors.Join(err, deleted.Error()); err != nil {
		t.Fatal(err)
	}
	if why := refused(t, wordCounts(t), c); !strings.Contains(why, "expired or were deleted") {
		t.Error(why)
	}
}

// TestOneResetOffsetOfTwoIsRefused has a tool reset one of a task's two inputs.
func TestOneResetOffsetOfTwoIsRefused(t *testing.T) {
	b := newBroker(t, 1, "words", "more", "counts")
	builder := topology.NewBuilder()
	builder.Stream(words).
		Merge(builder.Stream(topology.NewTopic("more", serde.String(), serde.String()))).
		GroupByKey().Count(topology.As("both")).ToStream().To(counts)
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	same := func(int) (string, string) { return "k", "w" }
	b.produce("words", 100, same)
	b.produce("more", 100, same)
	c := b.config(t)
	_, stop := start(t, plan, c)
	b.checkSequences("counts", map[string]int64{"k": 200})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	b.kick()
	offsets := kadm.Offsets{}
	offsets.AddOffset("words", 0, 0, -1)
	if _, err := kadm.NewClient(b.client).CommitOffsets(context.Background(), "app", offsets); err != nil {
		t.Fatal(err)
	}
	if why := refused(t, plan, c); !strings.Contains(why, `topic "words" partition 0`) {
		t.Error(why)
	}
}

// TestStoreWithoutChangelogIsEmptyAfterAMove has a task come back to an instance that kept an old
// copy of a store that has no changelog.
func TestStoreWithoutChangelogIsEmptyAfterAMove(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	builder := topology.NewBuilder()
	builder.Stream(words).GroupByKey().Count(topology.As("kept"), topology.NoChangelog()).ToStream().To(counts)
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	old, other := b.config(t), b.config(t)
	old.InstanceID, other.InstanceID = "old", "other"
	other.StateDir = filepath.Join(t.TempDir(), "other")
	old.LeaveOnStop, other.LeaveOnStop = true, true
	for i, c := range []pitwheel.Config{old, other, old} {
		_, stop := start(t, plan, c)
		b.produce("words", 10, func(int) (string, string) { return "k", "w" })
		got, _ := b.latest("counts", func(_ map[string]string, n int) bool { return n == 10*(i+1) })
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got["k"] != "000000000000000a" {
			t.Errorf("life %d ends at %s, want 10", i+1, got["k"])
		}
	}
}

// TestLatestLosesNothingWhenTheFirstCommitFails reads a topic from its end; the first commit of what
// came since is refused once.
func TestLatestLosesNothingWhenTheFirstCommitFails(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	builder := topology.NewBuilder()
	builder.Stream(words, topology.Reset(topology.Latest())).GroupByKey().Count(topology.As("n")).ToStream().To(counts)
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	b.produce("words", 10, func(int) (string, string) { return "before", "w" })
	fault := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration, Count: 3})
	app, stop := start(t, plan, b.config(t))
	await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
	b.produce("words", 100, func(int) (string, string) { return "k", "w" })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := fault.Wait(ctx, 3); err != nil {
		t.Fatal(err)
	}
	b.checkSequences("counts", map[string]int64{"k": 100})
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestPartlyAcceptedOffsetsLoseNothing has brokers refuse the offset of one of two partitions for
// good, once, without transactions: what the other one did is kept.
func TestPartlyAcceptedOffsetsLoseNothing(t *testing.T) {
	b := newBroker(t, 2, "words", "counts")
	record, want := counting(10)
	c := b.config(t)
	c.Guarantee, c.Loops = pitwheel.AtLeastOnce, 1
	_, stop := start(t, wordCounts(t), c)
	b.produce("words", 400, record)
	b.checkSequences("counts", want(400))
	fault := b.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.OffsetCommit}, Topic: "app-word-counts-repartition", Partitions: []int32{0},
		Err: kerr.IllegalGeneration, Count: 1,
	})
	b.produce("words", 400, record)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := fault.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	b.produce("words", 400, record)
	// At least once: a count may be higher, after records that were processed again, never lower.
	b.latest("counts", func(last map[string]string, _ int) bool {
		for key := range want(10) {
			if last[key] < "0000000000000078" {
				return false
			}
		}
		return true
	})
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestForeignChangelogRecordsAreRefused has another program write to a changelog: what could be a row, and what
// could not. Local state is gone, so that all of it is read.
func TestForeignChangelogRecordsAreRefused(t *testing.T) {
	for name, foreign := range map[string]*kgo.Record{
		"like a row": {Key: []byte("w0"), Value: []byte("0123456789abcdef")},
		"no row":     {Value: []byte("without a key")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, 1, "words", "counts")
			b.produce("words", 70, func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%7) })
			c := b.config(t)
			_, stop := start(t, wordCounts(t), c)
			b.awaitRecords("counts", 70)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(c.StateDir); err != nil {
				t.Fatal(err)
			}
			foreign.Topic = "app-word-counts-changelog"
			if err := b.client.ProduceSync(context.Background(), foreign).FirstErr(); err != nil {
				t.Fatal(err)
			}
			why := failure(t, wordCounts(t), c)
			for _, part := range []string{"do not belong together", `topic "app-word-counts-changelog" partition 0`, `store "word-counts"`, "somebody else writes to", "at offset", "start over"} {
				if !strings.Contains(why, part) {
					t.Errorf("got %q, want %q in it", why, part)
				}
			}
		})
	}
}
