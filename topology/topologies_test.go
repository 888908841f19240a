package topology_test

import (
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// The topologies that several tests look at.

var (
	minutes = windowing.Tumbling(time.Minute).Grace(10 * time.Second)

	in        = text("in")
	out       = text("out")
	counts    = topology.NewTopic("counts", serde.String(), serde.Int64())
	perMinute = topology.NewTopic("per-minute", minutes.KeySerde(serde.String()), serde.Int64())
)

func text(name string) topology.Topic[string, string] {
	return topology.NewTopic(name, serde.String(), serde.String())
}

func value(_, v string) string          { return v }
func always(_, _ string) bool           { return true }
func never(_, _ string) bool            { return false }
func last(_, _, v string) string        { return v }
func empty() string                     { return "" }
func concat(_, v, a string) string      { return a + v }
func swap(k, v string) (string, string) { return v, k }

func words(_, line string, emit func(string)) {
	for word := range strings.FieldsSeq(line) {
		emit(word)
	}
}

func innerKey(k windowing.Key[string], _ int64) string { return k.Key }

// logs is topics by a pattern.
var logs = topology.NewTopicPattern(regexp.MustCompile(`logs-[a-z]+|access`), serde.String(), serde.String())

// optimizedTopologies are optimized, by the name of their golden file.
var optimizedTopologies = map[string]func(*topology.Builder){
	"optimized-aggregations": optimizedAggregations,
	"optimized-merge":        optimizedMerge,
	"optimized-table":        func(b *topology.Builder) { b.Table(in, topology.As("rows")).ToStream().To(out) },
}

// optimizedAggregations have one topic for what follows each change of the key, but for Repartition,
// which stays where it is, and for what follows a change of the value.
func optimizedAggregations(b *topology.Builder) {
	s := b.Stream(in).SelectKey(value)
	s.GroupByKey().Count(topology.As("counts")).ToStream().To(counts)
	s.Filter(always).GroupByKey(topology.Name("filtered")).Reduce(last).ToStream().To(out)
	s.ToTable(topology.Name("latest")).ToStream().To(text("latest"))
	s.MapValues(value).GroupByKey().Count(topology.As("mapped"))
	s.Repartition(topology.Name("own")).To(text("own"))
}

// optimizedMerge has one topic behind the merge of two streams with new keys.
func optimizedMerge(b *topology.Builder) {
	m := b.Stream(in).SelectKey(value).Merge(b.Stream(text("other")).Map(swap))
	m.GroupByKey().Count(topology.As("counts"))
	m.Peek(func(_, _ string) {}).GroupByKey().Reduce(last, topology.As("last"))
}

// topologies by the name of their golden file.
var topologies = map[string]func(*topology.Builder){
	"word-count":         wordCount,
	"all-named":          allNamed,
	"two-aggregations":   twoAggregations,
	"one-grouping-twice": oneGroupingTwice,
	"split":              splitKinds,
	"same-source":        sameSource,
	"merged":             merged,
	"windowed":           windowed,
	"windows-rekeyed":    windowsRekeyed,
	"unnamed-stores":     unnamedStores,
	"repartitioned":      repartitioned,
	"tables":             tables,
	"cogrouped":          cogrouped,
	"printed":            func(b *topology.Builder) { b.Stream(in).Print(io.Discard).MapValues(value).To(out) },
	"pattern":            func(b *topology.Builder) { b.StreamMatching(logs, topology.Name("logs")).To(out) },
	"processors":         processors,
	"dynamic":            func(b *topology.Builder) { b.Stream(in).ToDynamic(out, value) },
}

func wordCount(b *topology.Builder) {
	b.Stream(in).FlatMapValues(words).GroupBy(value).Count().ToStream().To(counts)
}

func allNamed(b *topology.Builder) {
	b.Stream(in, topology.Name("source")).
		Filter(always, topology.Name("drop-nulls")).
		SelectKey(value, topology.Name("by-value")).
		MapValues(value, topology.Name("mark")).
		GroupByKey(topology.Name("groups")).
		Count(topology.Name("count"), topology.As("counts")).
		ToStream(topology.Name("changes")).
		To(counts, topology.Name("sink"))
}

func twoAggregations(b *topology.Builder) {
	s := b.Stream(in).SelectKey(value)
	s.GroupByKey().Count().ToStream().To(counts)
	s.GroupByKey().Reduce(last).ToStream().To(out)
}

// oneGroupingTwice shares a repartition topic, because it has a name; its numbers are taken twice,
// and it is written when it is asked for the last time, behind the other one.
func oneGroupingTwice(b *topology.Builder) {
	s := b.Stream(in)
	g := s.GroupBy(value, topology.Name("by-value"))
	g.Count().ToStream().To(counts)
	s.Repartition(topology.Name("between"))
	g.Aggregate(empty, concat).ToStream().To(out)
}

func splitKinds(b *topology.Builder) {
	s := b.Stream(in).Split(topology.Name("kind-"))
	short := s.Branch("short", func(_, v string) bool { return len(v) < 3 })
	s.Branch("", func(_, v string) bool { return len(v) < 6 }).To(text("middle"))
	short.To(text("short"))
	s.Default("rest").To(text("rest"))
}

func sameSource(b *topology.Builder) {
	one, two := b.Stream(in), b.Stream(text("in"))
	one.MapValues(value).To(text("first"))
	two.MapValues(value).Merge(one).To(text("second"))
	one.Merge(two).ForEach(func(_, _ string) {})
}

// merged needs a repartition topic whichever of the merged streams has a new key.
func merged(b *topology.Builder) {
	left, right := b.Stream(text("left")), b.StreamOf(topology.Topics(text("right"), text("middle")))
	left.Map(swap).Merge(right).Peek(func(_, _ string) {}).
		GroupByKey().Reduce(last, topology.As("last")).ToStream().To(out)
	right.Merge(left.SelectKey(value)).GroupByKey().Count(topology.As("n"))
}

func windowed(b *topology.Builder) {
	perKey := b.Stream(in).GroupByKey().WindowedBy(minutes)
	perKey.EmitOnClose().Count(topology.As("closed")).ToStream().To(perMinute)
	perKey.Count().ToStream().GroupBy(innerKey).Count(topology.As("updates"))
}

func windowsRekeyed(b *topology.Builder) {
	s := b.Stream(in).GroupByKey().WindowedBy(minutes).Count().ToStream()
	s.SelectKey(innerKey).GroupByKey().Count()
	s.Map(func(k windowing.Key[string], n int64) (string, int64) { return k.Key, n }).GroupByKey().Count()
	s.FlatMap(func(k windowing.Key[string], n int64, emit func(string, int64)) { emit(k.Key, n) }).
		GroupByKey().Count()
}

// unnamedStores take a number more in a count with options of the store, and only there.
func unnamedStores(b *topology.Builder) {
	g := b.Stream(in).GroupByKey()
	g.Count(topology.InMemory())
	g.Count(topology.Cached())
	g.Reduce(last, topology.InMemory())
	g.WindowedBy(minutes).Count(topology.Retention(time.Hour))
	g.WindowedBy(minutes).Count(topology.Name("last"))
}

// tables are kept where something asks for it: an option, Store, or a step behind.
func tables(b *topology.Builder) {
	t := b.Table(in, topology.Name("rows"))
	t.Filter(always).ToStream().To(text("low"))
	kept := b.Stream(text("keys")).SelectKey(value).ToTable(topology.Cached())
	kept.FilterNot(always, topology.As("high"), topology.InMemory()).
		Filter(always, topology.ValueSerde(serde.String())).ToStream().To(text("high"))
	asked := b.Stream(text("names")).ToTable(topology.Name("names")).Filter(always)
	asked.Store()
	asked.ToStream(topology.Name("named")).To(out)
}

func cogrouped(b *topology.Builder) {
	left := b.Stream(in).GroupBy(value, topology.Name("left"))
	right := b.Stream(text("right")).GroupByKey()
	both := left.Cogroup(concat).Cogroup(right, concat)
	both.Aggregate(empty).Filter(always).ToStream().To(out)
	both.Aggregate(empty, topology.Name("again"), topology.As("again"), topology.Cached())
	both.WindowedBy(minutes).Aggregate(empty, topology.As("windows")).ToStream().
		SelectKey(func(k windowing.Key[string], _ string) string { return k.Key }).To(out)
}

func repartitioned(b *topology.Builder) {
	b.Stream(in).Repartition().
		FlatMap(func(k, v string, emit func(string, string)) { emit(v, k) }).
		Repartition(topology.Name("swapped-repartition"), topology.Partitions(3)).
		FilterNot(always).
		To(out)
}

// processors are connected by their stores, and one has two ways out, which meet again. (The DSL of
// Kafka Streams has no side outputs: there the description is that of the graph.)
func processors(b *topology.Builder) {
	seen := b.KeyValueStore("seen", serde.String(), serde.String(), topology.InMemory())
	names := b.Table(text("names"), topology.As("names"))
	side := b.Side("side", serde.String(), serde.String())
	main := b.Stream(in).Process(forwarding(side, seen), topology.Name("main"), seen, side)
	main.Merge(side.Stream()).To(out)
	side.Stream().GroupByKey().Count(topology.As("n"))
	b.Stream(text("other")).ProcessValues(passing(seen), seen, names.Store()).To(text("others"))
	w := b.Stream(text("third")).GroupByKey().WindowedBy(minutes).Count().ToStream()
	w.ProcessValues(windowPassing).Process(windowForwarding, topology.Name("unwrap"), side)
}

func forwarding(side topology.Side[string, string], seen store.KeyValueRef[string, string]) processor.Setup[string, string, string, string] {
	return func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
		side, seen := side.In(c), seen.In(c)
		return func(r record.Record[string, string]) error {
			if last, again := seen.Get(r.Key()); again {
				side.Emit(r.WithValue(last))
			}
			seen.Put(r.Key(), r.Value())
			c.Forward(r)
			return nil
		}, nil
	}
}

func passing(seen store.KeyValueRef[string, string]) processor.ValueSetup[string, string, string] {
	return func(c *processor.ValueContext[string, string]) (processor.ValueFunc[string, string], error) {
		seen := seen.In(c)
		return func(r record.FixedKey[string, string]) error {
			last, _ := seen.Get(r.Key())
			c.Forward(r.WithValue(r.Value() + last))
			return nil
		}, nil
	}
}

func windowPassing(c *processor.ValueContext[windowing.Key[string], int64]) (processor.ValueFunc[windowing.Key[string], int64], error) {
	return func(r record.FixedKey[windowing.Key[string], int64]) error { c.Forward(r); return nil }, nil
}

func windowForwarding(c *processor.Context[string, int64]) (processor.Func[windowing.Key[string], int64], error) {
	return func(r record.Record[windowing.Key[string], int64]) error {
		c.Forward(r.WithKey(r.Key().Key))
		return nil
	}, nil
}
