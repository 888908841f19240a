package topology_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// decimal writes numbers as text, so that outputs can be read.
var decimal = serde.Func(
	func(dst []byte, v int64) ([]byte, error) { return strconv.AppendInt(dst, v, 10), nil },
	func(data []byte) (int64, error) { return strconv.ParseInt(string(data), 10, 64) },
)

var readable = topology.NewTopic("counts", serde.String(), decimal)

func tasksOf(t testing.TB, build func(*topology.Builder), opts ...topology.BuilderOption) []*task {
	t.Helper()
	b := topology.NewBuilder(opts...)
	build(b)
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var tasks []*task
	for _, sub := range p.Compiled().Subtopologies {
		tasks = append(tasks, newTask(t, sub))
	}
	return tasks
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestEveryPlanBinds: whatever the types say fits together does, in every topology. A record goes
// through each source, so that every edge is called.
func TestEveryPlanBinds(t *testing.T) {
	for name, build := range topologies {
		t.Run(name, func(t *testing.T) { runAll(t, build) })
	}
	for name, build := range optimizedTopologies {
		t.Run(name, func(t *testing.T) { runAll(t, build, topology.Optimize()) })
	}
	rapid.Check(t, func(r *rapid.T) {
		build := func(b *topology.Builder) { randomTopology(r, b) }
		if rapid.Bool().Draw(r, "optimized") {
			runAll(t, build, topology.Optimize())
		} else {
			runAll(t, build)
		}
	})
}

func runAll(t *testing.T, build func(*topology.Builder), opts ...topology.BuilderOption) {
	t.Helper()
	for _, k := range tasksOf(t, build, opts...) {
		for topic := range k.sources {
			k.pipe(topic, "12345678", "12345678", 1)
		}
		k.flush()
		if len(k.failed) > 0 {
			t.Errorf("records failed: %v", k.failed)
		}
	}
}

func TestWordCountCounts(t *testing.T) {
	tasks := tasksOf(t, func(b *topology.Builder) {
		b.Stream(in).FlatMapValues(words).GroupBy(value).Count(topology.As("n")).ToStream().To(readable)
	})
	same(t, "repartitioned", tasks[0].pipe("in", "k", "a b a", 1),
		"app-n-repartition: a=a", "app-n-repartition: b=b", "app-n-repartition: a=a")
	same(t, "first", tasks[1].pipe("n-repartition", "a", "a", 1), "counts: a=1")
	same(t, "second", tasks[1].pipe("n-repartition", "a", "a", 1), "counts: a=2")
}

func TestASplitSendsToTheFirstBranchThatWants(t *testing.T) {
	k := tasksOf(t, func(b *topology.Builder) {
		s := b.Stream(in).Split()
		s.Default("rest").To(text("rest"))
		s.Branch("a", func(_, v string) bool { return v[0] == 'a' }).To(text("a"))
		s.Branch("long", func(_, v string) bool { return len(v) > 2 }).To(text("long"))
	})[0]
	same(t, "both want", k.pipe("in", "k", "aaa", 1), "a: k=aaa")
	same(t, "the second wants", k.pipe("in", "k", "bbb", 1), "long: k=bbb")
	same(t, "none wants", k.pipe("in", "k", "b", 1), "rest: k=b")
}

func TestASplitWithoutDefaultDropsWhatNoBranchWants(t *testing.T) {
	k := tasksOf(t, func(b *topology.Builder) {
		b.Stream(in).Split().Branch("a", func(_, v string) bool { return v == "a" }).To(out)
	})[0]
	same(t, "wanted", k.pipe("in", "k", "a", 1), "out: k=a")
	same(t, "unwanted", k.pipe("in", "k", "b", 1))
}

func TestEachTopicOfASourceHasItsOwnSerdes(t *testing.T) {
	upper := serde.Func(
		func(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil },
		func(data []byte) (string, error) { return "decoded " + string(data), nil },
	)
	k := tasksOf(t, func(b *topology.Builder) {
		b.StreamOf(topology.Topics(in, topology.NewTopic("other", serde.String(), upper))).To(out)
	})[0]
	same(t, "in", k.pipe("in", "k", "v", 1), "out: k=v")
	same(t, "other", k.pipe("other", "k", "v", 1), "out: k=decoded v")
}

func TestATopicSaysItsTimesAndPartitions(t *testing.T) {
	var times []record.Time
	at := time.UnixMilli(7)
	timed := in.WithEventTime(func(_, _ string) time.Time { return at })
	k := tasksOf(t, func(b *topology.Builder) {
		b.Stream(timed).To(out.WithPartitioner(func(_, v string, n int) int { return len(v) % n }))
	})[0]
	source := k.sources["in"]
	if got, ok, err := source.Load(&record.Raw{Key: []byte("k"), Value: []byte("vvv"), Time: 1}, -1); got != 7 || !ok || err != nil {
		t.Errorf("event time %d, %v, %v, want 7", got, ok, err)
	}
	if err := source.Emit(); err != nil {
		t.Fatal(err)
	}
	if got := k.outputs.Records[0]; got.Partition != 3 || got.Time != 7 {
		t.Errorf("written to partition %d at %d, want 3 at 7", got.Partition, got.Time)
	}
	k = tasksOf(t, func(b *topology.Builder) {
		b.Stream(timed.WithTimestamp(func(r record.Record[string, string], partitionTime record.Time) record.Time {
			times = append(times, r.Time(), partitionTime)
			return 9
		}))
	})[0]
	if got, _, _ := k.sources["in"].Load(&record.Raw{Time: 1}, 5); got != 9 || !slices.Equal(times, []record.Time{1, 5}) {
		t.Errorf("event time %d from %v", got, times)
	}
}

func TestWindowsAreEmittedOnClose(t *testing.T) {
	windows := windowing.Tumbling(10 * time.Millisecond)
	k := tasksOf(t, func(b *topology.Builder) {
		b.Stream(in).GroupByKey().WindowedBy(windows).EmitOnClose().Count(topology.As("n")).ToStream().
			SelectKey(func(w windowing.Key[string], _ int64) string { return w.String() }).To(readable)
	})[0]
	same(t, "open", k.pipe("in", "k", "v", 1))
	same(t, "closing", k.pipe("in", "k", "v", 11), "counts: k@0/10=1")
	if got := *k.marks["n"]; got != 11 {
		t.Errorf("mark %d, want 11", got)
	}
}

func TestWindowsAreEmittedAtEveryUpdate(t *testing.T) {
	hops := windowing.Hopping(10*time.Millisecond, 5*time.Millisecond)
	k := tasksOf(t, func(b *topology.Builder) {
		s := b.Stream(in).GroupByKey().WindowedBy(hops).Aggregate(empty, concat).ToStream().
			Filter(func(w windowing.Key[string], _ string) bool { return true }).
			FilterNot(func(w windowing.Key[string], _ string) bool { return w.Start == 0 }).
			MapValues(func(_ windowing.Key[string], v string) string { return v + "!" }).
			Peek(func(windowing.Key[string], string) {})
		s.Merge(s).ForEach(func(windowing.Key[string], string) {})
		s.Map(func(w windowing.Key[string], v string) (string, string) { return w.Key, v }).To(text("mapped"))
		s.FlatMap(func(w windowing.Key[string], v string, emit func(string, string)) { emit(v, w.Key) }).To(text("flat"))
	})[0]
	same(t, "update", k.pipe("in", "k", "v", 7), "mapped: k=v!", "flat: v!=k")
}

func TestACachedTableSendsTheLastUpdateAtTheCommit(t *testing.T) {
	k := tasksOf(t, func(b *topology.Builder) {
		first := b.Stream(in).GroupByKey().Count(topology.Cached())
		first.ToStream().GroupByKey().
			Reduce(func(_ string, a, n int64) int64 { return a + n }, topology.Cached()).ToStream().To(readable)
		b.Stream(in).GroupByKey().WindowedBy(minutes).Reduce(last, topology.Cached()).ToStream().
			SelectKey(func(w windowing.Key[string], _ string) string { return w.Key }).To(text("windows"))
	})[0]
	same(t, "first", k.pipe("in", "k", "v", 1))
	same(t, "second", k.pipe("in", "k", "w", 1))
	same(t, "commit", k.flush(), "counts: k=2", "windows: k=w")
}

// bindable tells which topics it was bound to.
type bindable struct {
	serde.Serde[string]
	bound *[]string
}

func (b bindable) Bind(topic string, part serde.Part) serde.Serde[string] {
	*b.bound = append(*b.bound, fmt.Sprint(topic, " ", part))
	return b.Serde
}

// TestSerdesAreBoundToTheirTopics: a store's to its changelog, without the application id.
func TestSerdesAreBoundToTheirTopics(t *testing.T) {
	var bound []string
	s := bindable{serde.String(), &bound}
	tasksOf(t, func(b *topology.Builder) {
		b.Stream(topology.NewTopic("in", serde.Serde[string](s), serde.Serde[string](s))).GroupByKey().
			Reduce(last, topology.As("last"))
	})
	same(t, "bound", bound, "last-changelog key", "last-changelog value", "in key", "in value")
}

var _ processor.Host = (*task)(nil)
