package topology_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// tableMistakes are topologies of tables and cogroups, and what Build says of them.
var tableMistakes = []mistake{
	{
		"a topic read as a table and a stream", func(b *topology.Builder) {
			b.Table(in)
			b.Stream(in)
			b.Table(in)
			b.Stream(out)
			b.Table(out)
		},
		[]string{
			"topology: Stream (LINE, step KSTREAM-SOURCE-0000000003): it reads [in], which is read by KTABLE-SOURCE-0000000002 (LINE) already: " +
				"a topic is read once, as a table or as a stream: use that one: a Table has ToStream, a Stream has ToTable",
			"topology: Table (LINE, step KTABLE-SOURCE-0000000006): it reads [in], which is read by KTABLE-SOURCE-0000000002 (LINE) already: " +
				"a topic is read once, as a table or as a stream: use that one: a Table has ToStream, a Stream has ToTable",
			"topology: Table (LINE, step KTABLE-SOURCE-0000000010): it reads [out], which is read by KSTREAM-SOURCE-0000000007 (LINE) already: " +
				"a topic is read once, as a table or as a stream: use that one: a Table has ToStream, a Stream has ToTable",
		},
	},
	{
		"options of a table", func(b *topology.Builder) {
			b.Table(in, topology.ValueSerde(serde.String()), topology.As("a/b"))
			b.Stream(out).ToTable(topology.NoChangelog(), topology.TopicConfig("a", "b")).Filter(nil)
		},
		[]string{
			"topology: Table (LINE, step KTABLE-SOURCE-0000000001): the option ValueSerde is given, but the topic says how its values are written: remove it",
			`topology: Table (LINE, step KTABLE-SOURCE-0000000001): store: the name "a/b" has other characters than letters, digits, '.', '_' and '-': choose another`,
			"topology: ToTable (LINE, step KSTREAM-TOTABLE-0000000003): the options NoChangelog and TopicConfig are both given, " +
				"but without a changelog there is no topic: remove one of them",
			"topology: Filter (LINE, step KTABLE-FILTER-0000000005): the function is nil: give one",
		},
	},
	{
		"names too long for what is called after them", func(b *topology.Builder) {
			b.Table(in, topology.Name(strings.Repeat("s", 243)))
			b.Stream(out).SelectKey(value).ToTable(topology.Name(strings.Repeat("t", 240)))
			b.Stream(text("x")).GroupByKey().Cogroup(concat).Aggregate(empty, topology.Name(strings.Repeat("c", 240)))
		},
		[]string{
			"topology: Table (LINE, step " + strings.Repeat("s", 243) + "): the name has 243 characters, at most 242 are allowed: ssssssssssssssssssss...: choose another",
			"topology: ToTable (LINE, step " + strings.Repeat("t", 240) + "): the name has 240 characters, at most 237 are allowed: tttttttttttttttttttt...: choose another",
			"topology: Aggregate (LINE, step " + strings.Repeat("c", 240) + "-cogroup-merge): the name has 240 characters, at most 235 are allowed: cccccccccccccccccccc...: choose another",
		},
	},
	{
		"no serde for a table's rows", func(b *topology.Builder) {
			b.Stream(in).MapValues(toPage).ToTable(topology.As("pages"))
			b.Stream(out).MapValues(toPage).ToTable() // no bytes are needed
			b.Stream(text("x")).MapValues(toPage).ToTable().Store()
		},
		[]string{
			"topology: ToTable (LINE, step KSTREAM-TOTABLE-0000000002): no serde for the store's values, of type topology_test.page: " +
				"add the option topology.ValueSerde, or register one with Builder.UseSerde",
			"topology: ToTable (LINE, step KSTREAM-TOTABLE-0000000009): no serde for the store's values, of type topology_test.page: " +
				"add the option topology.ValueSerde, or register one with Builder.UseSerde",
		},
	},
	{
		"cogroups that cannot be", func(b *topology.Builder) {
			g := b.Stream(in).GroupByKey()
			c := g.Cogroup[string](nil).Cogroup(g, concat)
			c = c.Cogroup(topology.GroupedStream[string, string]{}, concat)
			c = c.Cogroup(topology.NewBuilder().Stream(out).GroupByKey(), concat)
			c.Aggregate(nil)
		},
		[]string{
			"topology: Cogroup (LINE, step KSTREAM-SOURCE-0000000000): the function is nil: give one",
			"topology: Cogroup (LINE, step KSTREAM-SOURCE-0000000000): the grouped stream was cogrouped before: give each one once",
			"topology: Cogroup (LINE, step KSTREAM-SOURCE-0000000000): the grouped stream is a zero value: take it from a stream's GroupByKey or GroupBy",
			"topology: Cogroup (LINE, step KSTREAM-SOURCE-0000000000): the grouped stream is of another builder: make both with one Builder",
			"topology: Aggregate (LINE, step COGROUPKSTREAM-MERGE-0000000003): the function is nil: give one",
		},
	},
	{
		"two groups of one topic", func(b *topology.Builder) {
			b.Stream(in).GroupBy(value).Cogroup(concat).Cogroup(b.Stream(out).GroupBy(value), concat).
				Aggregate(empty, topology.As("both"))
		},
		[]string{"topology: Aggregate (LINE, step both-repartition-source): the repartition topic both-repartition is made a second time; " +
			"the first is LINE's Aggregate: add topology.Name to each GroupByKey or GroupBy whose key was changed"},
	},
	{
		"patterns", func(b *topology.Builder) {
			all := topology.NewTopicPattern(regexp.MustCompile("logs-.*"), serde.String(), serde.String())
			b.StreamMatching(all)
			b.StreamMatching(all) // the same
			b.Stream(text("logs-a"))
			b.StreamMatching(all, topology.Reset(topology.Latest()))
			b.StreamMatching(topology.TopicPattern[string, string]{})
			b.StreamMatching(topology.NewTopicPattern[string, string](regexp.MustCompile("x"), nil, serde.String()))
		},
		[]string{
			"topology: StreamMatching (LINE, step KSTREAM-SOURCE-0000000000): topic \"logs-a\" matches the pattern and is read by " +
				"KSTREAM-SOURCE-0000000002 (LINE) too: read it once: make the pattern narrower, or leave the topic to it",
			"topology: StreamMatching (LINE, step KSTREAM-SOURCE-0000000003): it reads [/logs-.*/] with another Reset than KSTREAM-SOURCE-0000000000 (LINE): give both the same",
			"topology: StreamMatching (LINE, step KSTREAM-SOURCE-0000000003): topic \"logs-a\" matches the pattern and is read by " +
				"KSTREAM-SOURCE-0000000002 (LINE) too: read it once: make the pattern narrower, or leave the topic to it",
			"topology: StreamMatching (LINE, step KSTREAM-SOURCE-0000000004): the pattern is nil: make it with NewTopicPattern and a regular expression",
			`topology: StreamMatching (LINE, step KSTREAM-SOURCE-0000000005): the pattern "x" has no key serde: give one to NewTopicPattern`,
		},
	},
	{
		"a writer that is nil", func(b *topology.Builder) { b.Stream(in).Print(nil) },
		[]string{"topology: Print (LINE, step KSTREAM-PRINTER-0000000001): the writer is nil: give one, e.g. os.Stdout"},
	},
}

func TestBuildNamesEachMistakeOfATable(t *testing.T) { checkMistakes(t, tableMistakes) }

// A table is kept where something asks for it, and its step asks nobody for a number then.
func TestTablesAreKeptWhereTheyAreNeeded(t *testing.T) {
	for name, tt := range map[string]struct {
		build func(b *topology.Builder)
		want  []string
	}{
		"nowhere": {func(b *topology.Builder) {
			b.Table(in).Filter(always).FilterNot(never, topology.Name("last")).ToStream()
			b.Stream(out).ToTable(topology.ValueSerde(serde.String()))
		}, nil},
		"by an option": {func(b *topology.Builder) {
			b.Table(in, topology.As("a")).Filter(always, topology.Cached()).Filter(always, topology.InMemory())
		}, []string{"a", "KTABLE-FILTER-STATE-STORE-0000000002", "KTABLE-FILTER-STATE-STORE-0000000003"}},
		"by Store": {func(b *topology.Builder) {
			b.Table(in).Store()
			b.Stream(out).ToTable().Filter(always, topology.Name("f")).Store()
		}, []string{"in-STATE-STORE-0000000000", "KTABLE-FILTER-STATE-STORE-0000000006"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, sub := range planOf(t, tt.build).Compiled().Subtopologies {
				for _, s := range sub.Stores {
					got = append(got, s.Name)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("stores (-want +got):\n%s", diff)
			}
		})
	}
}

// A filter knows what was there where the table before it is kept when the filter is made: Kafka
// Streams' KTableFilter. Then the deletion of what never passed does not go on.
func TestAFilterSeesOldValuesOfAKeptTable(t *testing.T) {
	isShort := func(_, v string) bool { return len(v) < 3 }
	for name, tt := range map[string]struct {
		build func(b *topology.Builder) topology.Table[string, string]
		want  []string
	}{
		"kept": {func(b *topology.Builder) topology.Table[string, string] {
			return b.Table(in, topology.As("rows")).Filter(isShort)
		}, nil},
		"not kept": {func(b *topology.Builder) topology.Table[string, string] {
			return b.Table(in).Filter(isShort)
		}, []string{"out: k="}},
		"kept by the filter alone": {func(b *topology.Builder) topology.Table[string, string] {
			return b.Table(in).Filter(isShort, topology.As("short"))
		}, []string{"out: k="}},
		"kept by the filter, which another asks": {func(b *topology.Builder) topology.Table[string, string] {
			return b.Table(in).Filter(isShort, topology.As("short")).Filter(always)
		}, nil},
		"an aggregate": {func(b *topology.Builder) topology.Table[string, string] {
			return b.Stream(in).GroupByKey().Reduce(last).Filter(isShort)
		}, nil},
		"a cogroup": {func(b *topology.Builder) topology.Table[string, string] {
			return b.Stream(in).GroupByKey().Cogroup(func(_, v, _ string) string { return v }).Aggregate(empty).FilterNot(func(_, v string) bool { return len(v) > 2 || v == "" })
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			k := tasksOf(t, func(b *topology.Builder) { tt.build(b).ToStream().To(out) })[0]
			same(t, "never passed", k.pipe("in", "k", "long", 1), tt.want...)
			same(t, "passes", k.pipe("in", "k", "ab", 2), "out: k=ab")
			same(t, "passes no more", k.pipe("in", "k", "long", 3), "out: k=")
		})
	}
}

func TestToTableStandsBehindARepartitionTopic(t *testing.T) {
	tasks := tasksOf(t, func(b *topology.Builder) {
		b.Stream(in).SelectKey(value).ToTable(topology.Name("latest")).ToStream().To(out)
	})
	same(t, "repartitioned", tasks[0].pipe("in", "k", "v", 1), "app-latest-repartition: v=v")
	same(t, "read back", tasks[1].pipe("latest-repartition", "v", "v", 1), "out: v=v")
}

func TestACogroupFoldsItsStreamsIntoOneRow(t *testing.T) {
	build := func(opts ...topology.StoreOption) *task {
		return tasksOf(t, func(b *topology.Builder) {
			n := b.Stream(topology.NewTopic("n", serde.String(), decimal)).GroupByKey()
			n.Cogroup(func(_ string, v int64, a string) string { return a + strings.Repeat("n", int(v)) }).
				Cogroup(b.Stream(in).GroupByKey(), concat).
				Aggregate(empty, opts...).ToStream().To(out)
		})[0]
	}
	k := build()
	same(t, "first", k.pipe("in", "k", "a", 1), "out: k=a")
	same(t, "second", k.pipe("n", "k", "2", 2), "out: k=ann")
	same(t, "third", k.pipe("in", "k", "b", 3), "out: k=annb")
	k = build(topology.Cached())
	same(t, "held back", append(k.pipe("in", "k", "a", 1), k.pipe("n", "k", "2", 2)...))
	same(t, "commit", k.flush(), "out: k=ann")
}

func TestCogroupedSourcesArePartitionedAlike(t *testing.T) {
	p := planOf(t, cogrouped).Compiled()
	var got [][]string
	for _, sources := range p.Copartitioned {
		var names []string
		for _, n := range sources {
			names = append(names, n.Name)
		}
		got = append(got, names)
	}
	group := []string{"left-repartition-source", "KSTREAM-SOURCE-0000000002"}
	if diff := cmp.Diff([][]string{group, group, group}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPrintLabelsWithTheStepBefore(t *testing.T) {
	var lines strings.Builder
	k := tasksOf(t, func(b *topology.Builder) {
		b.Stream(in, topology.Name("source")).Print(&lines).Filter(never).Print(&lines).To(out)
		b.Stream(text("w")).GroupByKey().WindowedBy(minutes).Count().ToStream(topology.Name("windows")).Print(&lines)
	})
	k[0].pipe("in", "k", "v", 1)
	k[1].pipe("w", "k", "v", 1)
	if got, want := lines.String(), "[source]: k, v\n[windows]: k@0/60000, 1\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestAPatternIsReadWithItsSerdes(t *testing.T) {
	sub := planOf(t, topologies["pattern"]).Compiled().Subtopologies[0]
	n := sub.Nodes[0]
	for topic, want := range map[string]bool{"logs-a": true, "access": true, "logs-": false, "old-logs-a": false, "accesses": false} {
		if got := n.Matches(topic); got != want {
			t.Errorf("topic %q matches: %v, want %v", topic, got, want)
		}
	}
	k := newTask(t, sub)
	k.read(n, "access")
	same(t, "read", k.pipe("access", "k", "v", 1), "out: k=v")
	if got := logs.Topic("logs-a"); got.Name() != "logs-a" || got.KeySerde() == nil {
		t.Errorf("topic %v", got)
	}
}

// With Optimize a table's own topic stands for its changelog.
func TestOptimizeLetsATablesTopicBeItsChangelog(t *testing.T) {
	p := planOf(t, optimizedTopologies["optimized-table"], topology.Optimize()).Compiled()
	s := p.Subtopologies[0].Stores[0]
	if s.Logged || s.Source != "in" || s.Rows == nil {
		t.Errorf("logged %v, source %q", s.Logged, s.Source)
	}
	b := topology.NewBuilder(topology.Optimize())
	b.Table(in, topology.As("rows"), topology.TopicConfig("a", "1"))
	_, err := b.Build()
	if err == nil || !strings.Contains(err.Error(), `with Optimize the changelog is topic "in"`) {
		t.Errorf("got %v", err)
	}
	plain := planOf(t, optimizedTopologies["optimized-table"]).Compiled().Subtopologies[0].Stores[0]
	if !plain.Logged || plain.Source != "" {
		t.Errorf("without Optimize: logged %v, source %q", plain.Logged, plain.Source)
	}
}

// A topic stays where some of its records do not come by way of what others share.
func TestOptimizeLeavesWhatOtherRecordsMeet(t *testing.T) {
	p := planOf(t, func(b *topology.Builder) {
		keyed := b.Stream(in).SelectKey(value)
		keyed.GroupByKey().Count(topology.As("keyed"))
		keyed.Merge(b.Stream(text("plain"))).GroupByKey().Count(topology.As("both"))
	}, topology.Optimize()).Compiled()
	want := []*plan.Repartition{{Topic: "keyed-repartition"}, {Topic: "both-repartition"}}
	if diff := cmp.Diff(want, p.Internal); diff != "" {
		t.Errorf("internal topics (-want +got):\n%s", diff)
	}
}
