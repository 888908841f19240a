package pitwheel_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// life runs an app until it has counted n records in all its life, under one key.
func (b *broker) life(plan *topology.Plan, c pitwheel.Config, n int) {
	b.t.Helper()
	app, stop := start(b.t, plan, c)
	b.produce("words", n, func(int) (string, string) { return "k", "w" })
	await(b.t, "the records to be counted", func() bool { return app.Metrics().Processed >= int64(n) })
	if err := stop(); err != nil {
		b.t.Fatal(err)
	}
	b.kick()
}

// saysAll fails if a part is missing from the refusal.
func saysAll(t *testing.T, why string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(why, part) {
			t.Errorf("%q does not say %q", why, part)
		}
	}
}

// again deletes the topic and makes one of its name, which holds as many records as fill it.
func (b *broker) again(topic string, fill int) {
	b.t.Helper()
	if err := b.DeleteTopic(topic); err != nil {
		b.t.Fatal(err)
	}
	compact := "compact"
	b.create(topic, 1, map[string]*string{"cleanup.policy": &compact})
	// The test's client must see the new one.
	b.client.PurgeTopicsFromClient(topic)
	if fill > 0 {
		b.produce(topic, fill, func(int) (string, string) { return "w", "\x00\x00\x00\x00\x00\x00\x00\x01" })
	}
}

// counted is a topology of one task: a count by key, under that name.
func counted(t *testing.T, name string, opts ...topology.StoreOption) *topology.Plan {
	t.Helper()
	b := topology.NewBuilder()
	b.Stream(words).GroupByKey().Count(append(opts, topology.As(name))...).ToStream().To(counts)
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestRecreatedChangelogIsRefused makes a changelog anew, with more records than were committed to the
// old one, so that only the topic's id tells. Kafka Streams goes on with what it finds (H10).
func TestRecreatedChangelogIsRefused(t *testing.T) {
	for name, keep := range map[string]bool{"with local state": true, "without local state": false} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, 1, "words", "counts")
			c := b.config(t)
			b.life(counted(t, "n"), c, 10)
			b.again("app-n-changelog", 100)
			if !keep {
				if err := os.RemoveAll(c.StateDir); err != nil {
					t.Fatal(err)
				}
			}
			why := refused(t, counted(t, "n"), c)
			saysAll(t, why, "task 0_0", "deleted and made anew", `"n"`, "put the topic back", "--reset-offsets --to-current", "start over")
			if keep {
				saysAll(t, why, `"app-n-changelog"`, "topic id", "local state may be the only copy")
				return
			}
			// The way out that the error names.
			offsets, err := kadm.NewClient(b.client).FetchOffsets(context.Background(), "app")
			if err != nil {
				t.Fatal(err)
			}
			again := kadm.Offsets{}
			offsets.Each(func(o kadm.OffsetResponse) { again.AddOffset(o.Topic, o.Partition, o.At, -1) })
			b.kick()
			if _, err := kadm.NewClient(b.client).CommitOffsets(context.Background(), "app", again); err != nil {
				t.Fatal(err)
			}
			b.life(counted(t, "n"), c, 10)
		})
	}
}

// TestRecreatedInputIsRefused makes an input anew: the offset, which stays, is of records that are gone.
func TestRecreatedInputIsRefused(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	c := b.config(t)
	b.life(counted(t, "n"), c, 10)
	b.again("words", 100)
	saysAll(t, refused(t, counted(t, "n"), c), `input topic "words" was deleted and made anew`, "start over")
}

// TestWidenedInputIsRefused adds a partition to an input while no instance runs (H23).
func TestWidenedInputIsRefused(t *testing.T) {
	tests := map[string]struct {
		plan *topology.Plan
		says []string
	}{
		"of a store with a changelog":    {counted(t, "n"), []string{`"app-n-changelog" has 1 partitions, the topology needs 2`, "new application id"}},
		"of a store without a changelog": {counted(t, "n", topology.NoChangelog()), []string{"made with 1 partitions", "there are 2 now", "keys have moved", "start over"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, 1, "words", "counts")
			c := b.config(t)
			b.life(tt.plan, c, 10)
			if _, err := kadm.NewClient(b.client).CreatePartitions(context.Background(), 1, "words"); err != nil {
				t.Fatal(err)
			}
			saysAll(t, endedOf(t, tt.plan, c), tt.says...)
		})
	}
}

// endedOf runs an app that must end by itself, and returns its error.
func endedOf(t *testing.T, plan *topology.Plan, c pitwheel.Config) string {
	t.Helper()
	app, stop := start(t, plan, c)
	await(t, "the app to fail", func() bool { return app.State() == pitwheel.Failed })
	return stop().Error()
}

// TestChangedTopologyIsTold changes a topology between two lives. What would lose state or read it wrongly
// is refused, what may be meant is logged (H24).
func TestChangedTopologyIsTold(t *testing.T) {
	windows := func(name string, size time.Duration) *topology.Plan {
		b := topology.NewBuilder()
		b.Stream(words).GroupByKey().WindowedBy(windowing.Tumbling(size)).Count(topology.As(name))
		return planFrom(t, b)
	}
	two := func(first, second string) *topology.Plan {
		b := topology.NewBuilder()
		g := b.Stream(words).GroupByKey()
		g.Count(topology.As(first)).ToStream().To(counts)
		g.Count(topology.As(second))
		return planFrom(t, b)
	}
	// The same count, in a subtopology that another one was put before.
	second := func() *topology.Plan {
		b := topology.NewBuilder()
		b.Stream(texts("more")).GroupByKey().Count(topology.As("before"))
		b.Stream(words).GroupByKey().Count(topology.As("n")).ToStream().To(counts)
		return planFrom(t, b)
	}
	tests := []struct {
		name     string
		old, new *topology.Plan
		refused  []string
		logged   []string
	}{
		{"a store renamed", counted(t, "n"), counted(t, "m"), []string{`["n"]`, `["m"]`, "renamed", "topology.As"}, nil},
		{"one of two stores renamed", two("n", "m"), two("n", "o"), []string{`["m"] are gone`, `["o"] are new`, "topology.As"}, nil},
		{"another kind under one name", counted(t, "n"), windows("n", time.Minute), []string{`"n" was a key-value store and is opened as a window store`, "another name"}, nil},
		{"another window size", windows("n", time.Minute), windows("n", time.Hour), []string{"windows of 1h0m0s", "windows of 1m0s"}, nil},
		{"its changelog taken away", counted(t, "n"), counted(t, "n", topology.NoChangelog()), []string{"without a changelog now and was", "with a changelog"}, nil},
		{"subtopologies numbered otherwise", counted(t, "n"), second(), []string{"task 0_0", `["n"]`, `["before"]`, "numbered otherwise", "delete the task's directory"}, nil},
		{"a store added", counted(t, "n"), two("n", "m"), nil, []string{"the topology was changed", "begin empty", "m"}},
		{"a store removed", two("n", "m"), counted(t, "n"), nil, []string{"the topology was changed", "not in the topology any more", "m"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBroker(t, 1, "words", "counts", "more")
			c := b.config(t)
			b.life(tt.old, c, 10)
			if tt.refused != nil {
				saysAll(t, endedOf(t, tt.new, c), tt.refused...)
				// Nothing was deleted or noted: the old topology goes on.
				b.life(tt.old, c, 10)
				return
			}
			log := &logged{}
			c.Logger = log.logger()
			b.life(tt.new, c, 10)
			saysAll(t, log.text(), tt.logged...)
			told := strings.Count(log.text(), "the topology was changed")
			b.life(tt.new, c, 10)
			if again := strings.Count(log.text(), "the topology was changed"); again != told {
				t.Error("it was told again at the next start")
			}
		})
	}
}

// TestChangedKindIsToldWithoutLocalState has only the proof of the last commit to go by.
func TestChangedKindIsToldWithoutLocalState(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	c := b.config(t)
	b.life(counted(t, "n"), c, 10)
	if err := os.RemoveAll(c.StateDir); err != nil {
		t.Fatal(err)
	}
	w := topology.NewBuilder()
	w.Stream(words).GroupByKey().WindowedBy(windowing.Tumbling(time.Minute)).Count(topology.As("n"))
	saysAll(t, refused(t, planFrom(t, w), c), `["n"]`, "another layout", "topology.As")
}

func planFrom(t *testing.T, b *topology.Builder) *topology.Plan {
	t.Helper()
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestBackupOfStateCatchesUp puts an older copy of the state directory back: it is replayed to where the
// group is (H22). Once the changelog has lost the records between, it is refused (H11).
func TestBackupOfStateCatchesUp(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	c := b.config(t)
	b.life(counted(t, "n"), c, 10)
	backup := filepath.Join(t.TempDir(), "backup")
	if err := os.CopyFS(backup, os.DirFS(c.StateDir)); err != nil {
		t.Fatal(err)
	}
	b.life(counted(t, "n"), c, 10)
	restore := func() {
		if err := os.RemoveAll(c.StateDir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(c.StateDir, os.DirFS(backup)); err != nil {
			t.Fatal(err)
		}
	}
	restore()
	b.life(counted(t, "n"), c, 10)
	b.checkSequences("counts", map[string]int64{"k": 30})
	restore()
	if err := b.DeleteRecords("app-n-changelog", 0, b.PartitionInfo("app-n-changelog", 0).HighWatermark); err != nil {
		t.Fatal(err)
	}
	saysAll(t, refused(t, counted(t, "n"), c), `"n"`, "the changelog begins at", "records between are gone")
}

// TestResetOffsetsAreRefused has a tool set all of a task's offsets back (H37).
func TestResetOffsetsAreRefused(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	c := b.config(t)
	b.life(counted(t, "n"), c, 10)
	offsets := kadm.Offsets{}
	offsets.AddOffset("words", 0, 5, -1)
	if _, err := kadm.NewClient(b.client).CommitOffsets(context.Background(), "app", offsets); err != nil {
		t.Fatal(err)
	}
	saysAll(t, refused(t, counted(t, "n"), c), "committed by something else", "put the offsets back", "start over")
}

// TestOldStateIsDropped has a changelog that keeps deletions for a moment only, so that local state of before
// may hold keys whose deletion is forgotten: it is emptied and replayed from the beginning (H12).
func TestOldStateIsDropped(t *testing.T) {
	plan := counted(t, "n", topology.TopicConfig("delete.retention.ms", "1"))
	b := newBroker(t, 1, "words", "counts")
	c := b.config(t)
	b.life(plan, c, 10)
	committed := b.records("app-n-changelog")
	log := &logged{}
	c.Logger = log.logger()
	restored := make(chan pitwheel.Restore, 8)
	c.OnRestore = func(r pitwheel.Restore) {
		if r.Done() {
			restored <- r
		}
	}
	b.life(plan, c, 10)
	r := <-restored
	for !r.Done() {
		r = <-restored
	}
	if r.Records == 0 || r.Records > committed {
		t.Errorf("%d records were replayed, want all of the changelog", r.Records)
	}
	saysAll(t, log.text(), "local state is dropped", "keeps deletions for 1ms")
	b.checkSequences("counts", map[string]int64{"k": 20})
}
