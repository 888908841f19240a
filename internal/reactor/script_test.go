package reactor

import (
	"encoding/binary"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/changelog"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// scripted is a task that a script drives by hand, with the group's offsets and the changelogs
// that it would have. What it does is written down, byte for byte.
type scripted struct {
	task       *Task
	transcript strings.Builder

	log       []record.Raw // of the input partition
	fed       int
	committed map[record.Partition]CommittedOffset
	changelog map[string]int64             // by store: the offset after its last record
	rows      map[string]map[string]string // by store: the changelog, compacted
	outputs   []string                     // of all commits
	pending   []string                     // since the last one
}

// seconds are windows of a second that close at once.
var seconds = windowing.Tumbling(time.Second)

// windowsAndTotals counts the values of each second, emitted when it closes, and in all.
func windowsAndTotals(totals ...topology.StoreOption) *plan.Subtopology {
	b := topology.NewBuilder()
	s := b.Stream(topology.NewTopic("in", serde.String(), serde.String()))
	g := s.GroupByKey()
	g.WindowedBy(seconds).EmitOnClose().Count(topology.As("per-second")).ToStream().
		To(topology.NewTopic("per-second", seconds.KeySerde(serde.String()), serde.Int64()))
	totals = append(totals, topology.As("totals"))
	g.Count(totals...).ToStream().To(topology.NewTopic("totals", serde.String(), serde.Int64()))
	p, err := b.Build()
	if err != nil {
		panic(err)
	}
	return p.Compiled().Subtopologies[0]
}

// scriptedT is testing.TB or rapid's.
type scriptedT interface {
	Helper()
	Fatal(...any)
	Cleanup(func())
}

func newScripted(t scriptedT, sub *plan.Subtopology) *scripted {
	t.Helper()
	return newScriptedAt(t, sub, nil)
}

// newScriptedAt is newScripted with a wall clock.
func newScriptedAt(t scriptedT, sub *plan.Subtopology, now func() record.Time) *scripted {
	t.Helper()
	space, err := store.OpenSpace(store.SpaceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = space.Close() })
	task, err := NewTask(TaskConfig{
		ID: record.TaskID{Partition: 1}, ApplicationID: "app", Subtopology: sub, Owner: 9, Space: space,
		Logger: slog.New(slog.DiscardHandler), Now: now,
		Topic: func(name string) *processor.Topic { return &processor.Topic{Name: name, Partitions: 2} },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{
		task: task, committed: map[record.Partition]CommittedOffset{},
		changelog: map[string]int64{}, rows: map[string]map[string]string{},
	}
	s.must(s.start())
	return s
}

func (s *scripted) must(err error) {
	if err != nil {
		panic(err)
	}
}

func (s *scripted) printf(format string, args ...any) { fmt.Fprintf(&s.transcript, format, args...) }

// start puts the task behind the committed offsets.
func (s *scripted) start() error {
	proof, err := ReadProof(s.committed)
	if err != nil {
		return err
	}
	s.fed = int(proof.Offsets[s.task.Inputs()[0]].At)
	return s.task.Start(proof, s.task.positions, func(record.Partition) (int64, error) { return 0, nil })
}

// run carries out a script: a command a line.
//
//	feed k=v@t k=v@t ...   records of the input, in one batch; "k=v@t" again: fed again
//	step n                 at most n records
//	commit                 one that succeeds
//	abort                  all since the last commit is dropped, and fed again
func (s *scripted) run(script string) {
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		s.printf("> %s\n", strings.Join(words, " "))
		switch words[0] {
		case "feed":
			for _, word := range words[1:] {
				key, rest, _ := strings.Cut(word, "=")
				value, at, _ := strings.Cut(rest, "@")
				ms, err := strconv.ParseInt(at, 10, 64)
				s.must(err)
				s.log = append(s.log, record.Raw{Key: []byte(key), Value: []byte(value), Time: record.Time(ms), Offset: int64(len(s.log))})
			}
			s.feed()
		case "step":
			limit, err := strconv.Atoi(words[1])
			s.must(err)
			s.step(limit)
		case "commit":
			s.commit()
		case "abort":
			s.task.Abort()
			s.pending = nil
			s.must(s.start())
			s.feed()
		default:
			panic("no command " + words[0])
		}
	}
}

func (s *scripted) feed() {
	end := int64(len(s.log))
	s.task.Feed(s.task.Inputs()[0], s.log[s.fed:], end, end)
	s.fed = len(s.log)
}

func (s *scripted) step(limit int) {
	n, err := s.task.Step(limit)
	s.must(err)
	s.printf("%d processed, stream time %d\n", n, s.task.StreamTime())
	s.takeOutputs()
}

func (s *scripted) takeOutputs() {
	for _, o := range s.task.TakeOutputs() {
		line := printed(&o)
		s.printf("  %s\n", line)
		s.pending = append(s.pending, line)
	}
}

func printed(o *processor.Output) string {
	return fmt.Sprintf("%s[%d] %q = %q @ %d %v", o.Topic.Name, o.Partition, o.Key, o.Value, o.Time, o.Headers)
}

func (s *scripted) commit() {
	c, err := s.task.Freeze()
	s.must(err)
	s.takeOutputs()
	if c == nil {
		s.printf("nothing to commit\n")
		return
	}
	acked := map[string]int64{}
	for i := range c.Changelog {
		entry := &c.Changelog[i]
		s.printf("  %s: %s\n", entry.Store, printed(&entry.Record))
		s.changelog[entry.Store]++
		acked[entry.Store] = s.changelog[entry.Store]
		if s.rows[entry.Store] == nil {
			s.rows[entry.Store] = map[string]string{}
		}
		s.rows[entry.Store][string(entry.Record.Key)] = fmt.Sprintf("%q @ %d", entry.Record.Value, entry.Record.Time)
	}
	positions := c.Positions(acked)
	metadata, err := c.Metadata(positions)
	s.must(err)
	for _, o := range c.Offsets {
		text := metadata[o.Partition]
		m, err := changelog.DecodeMetadata(text)
		s.must(err)
		s.printf("  offset %s[%d] = %d, commit %d of %d, time %d, positions %v, marks %v\n    %s\n",
			o.Partition.Topic, o.Partition.ID, o.At, m.Seq, m.Owner, m.PartitionTime, m.Positions, m.Marks, text)
		s.committed[o.Partition] = CommittedOffset{At: o.At, Metadata: text}
	}
	s.must(s.task.Apply(c, positions, 0))
	s.outputs = append(s.outputs, s.pending...)
	s.pending = nil
}

const secondsScript = `
	feed a=x@100 b=x@200 a=x@900
	step 2
	step 10
	commit
	commit
	feed a=x@1100 b=x@500 c=x@2500
	step 10
	commit
	feed a=x@2600 a=x@3700
	step 1
	abort
	step 10
	commit
	feed z=x@4600
	step 10
	abort
	abort
	commit
	step 10
	commit
`

// The transcript shows every effect that a task asks for: what is put out, what goes to the
// changelogs, offsets and their metadata.
func TestEffectsOfAScript(t *testing.T) {
	for name, options := range map[string][]topology.StoreOption{
		"seconds": nil, "seconds-cached": {topology.Cached()}, "seconds-unlogged": {topology.NoChangelog()},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScripted(t, windowsAndTotals(options...))
			s.run(secondsScript)
			file := filepath.Join("testdata", name+".txt")
			got := s.transcript.String()
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Invariant E1: the same calls give the same effects, byte for byte.
func TestSameScriptHasTheSameEffects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		script := drawScript(t, false)
		cached := []topology.StoreOption{}
		if rapid.Bool().Draw(t, "cached") {
			cached = append(cached, topology.Cached())
		}
		one, two := newScripted(t, windowsAndTotals(cached...)), newScripted(t, windowsAndTotals(cached...))
		one.run(script)
		two.run(script)
		if diff := cmp.Diff(one.transcript.String(), two.transcript.String()); diff != "" {
			t.Fatalf("-first +second run:\n%s", diff)
		}
	})
}

// Where batches end, commits are made and aborted is nobody's business: what is committed in the
// end is the same. Times rise, because a step's stream time begins anew after an abort, as in Kafka
// Streams after a restart: records that were late before may be taken then.
func TestBatchesCommitsAndAbortsDoNotShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		script := drawScript(t, true)
		var records []string
		for line := range strings.Lines(script) {
			if words := strings.Fields(line); words[0] == "feed" {
				records = append(records, words[1:]...)
			}
		}
		got := newScripted(t, windowsAndTotals())
		got.run(script + "\nstep 1000\ncommit")
		want := newScripted(t, windowsAndTotals())
		want.run("feed " + strings.Join(records, " ") + "\nstep 1000\ncommit")
		if diff := cmp.Diff(want.outputs, got.outputs); diff != "" {
			t.Fatalf("outputs (-at once +by the script):\n%s", diff)
		}
		if diff := cmp.Diff(want.readable(), got.readable()); diff != "" {
			t.Fatalf("changelogs (-at once +by the script):\n%s", diff)
		}
		at := func(s *scripted) (all []int64) {
			for _, of := range slices.SortedFunc(maps.Keys(s.committed), func(a, b record.Partition) int { return strings.Compare(a.Topic, b.Topic) }) {
				all = append(all, s.committed[of].At)
			}
			return all
		}
		if diff := cmp.Diff(at(want), at(got)); diff != "" {
			t.Fatalf("offsets (-at once +by the script):\n%s", diff)
		}
	})
}

// readable is what the changelogs hold, but for windows behind their retention: a row that expires
// before its first commit is never written.
func (s *scripted) readable() map[string]map[string]string {
	start := func(key string) int64 {
		return int64(binary.BigEndian.Uint64([]byte(key[len(key)-12:])))
	}
	latest := int64(0)
	for key := range s.rows["per-second"] {
		latest = max(latest, start(key))
	}
	maps.DeleteFunc(s.rows["per-second"], func(key, _ string) bool {
		return start(key) < latest-seconds.Size().Milliseconds()
	})
	return s.rows
}

func drawScript(t *rapid.T, rising bool) string {
	var b strings.Builder
	now := 0
	for range rapid.IntRange(1, 25).Draw(t, "commands") {
		switch rapid.SampledFrom([]string{"feed", "feed", "step", "step", "commit", "abort"}).Draw(t, "command") {
		case "feed":
			b.WriteString("feed")
			for range rapid.IntRange(1, 5).Draw(t, "records") {
				at := rapid.IntRange(0, 5000).Draw(t, "time")
				if rising {
					now += at / 5
					at = now
				}
				fmt.Fprintf(&b, " %s=x@%d", rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"), at)
			}
			b.WriteByte('\n')
		case "step":
			fmt.Fprintf(&b, "step %d\n", rapid.IntRange(1, 6).Draw(t, "limit"))
		case "commit":
			b.WriteString("commit\n")
		case "abort":
			b.WriteString("abort\n")
		}
	}
	return b.String()
}
