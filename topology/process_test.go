package topology_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// ending is a processor where records end.
func ending(*processor.Context[string, string]) (processor.Func[string, string], error) {
	return func(record.Record[string, string]) error { return nil }, nil
}

func texts(b *topology.Builder, name string) store.KeyValueRef[string, string] {
	return b.KeyValueStore(name, serde.String(), serde.String())
}

var processorMistakes = []mistake{
	{
		"processors", func(b *topology.Builder) {
			s := b.Stream(in)
			foreign := topology.NewBuilder()
			seen := texts(b, "seen")
			s.Process[string, string](nil, seen, seen)
			s.Process(ending, texts(foreign, "seen"), nil, store.KeyValueRef[string, string]{}, topology.Name("p"))
			s.Process(ending, foreign.Side("seen", serde.String(), serde.String()), topology.Side[string, string]{})
			s.Process(ending, topology.Name("with space"), topology.Name("x"))
		},
		[]string{
			`topology: Process (LINE, step KSTREAM-PROCESSOR-0000000001): the key-value store "seen" is given twice: give it once`,
			`topology: Process (LINE, step KSTREAM-PROCESSOR-0000000001): the function is nil: give one`,
			`topology: Process (LINE, step p): the key-value store "seen" is of another builder: make both with one Builder`,
			`topology: Process (LINE, step p): use 2 is nil: give a handle that a Builder or a table made`,
			`topology: Process (LINE, step p): use 3 is a zero value: give a handle that a Builder or a table made`,
			`topology: Process (LINE, step KSTREAM-PROCESSOR-0000000002): the side output "seen" is of another builder: make both with one Builder`,
			`topology: Process (LINE, step KSTREAM-PROCESSOR-0000000002): use 2 is a zero value: give a handle that a Builder or a table made`,
			`topology: Process (LINE, step x): the option Name is given twice: remove it`,
		},
	},
	{
		"stores of processors", func(b *topology.Builder) {
			s := b.Stream(in)
			first := texts(b, "twice")
			s.Process(ending, first, texts(b, "twice"))
			s.GroupByKey().Count(topology.As("counts"))
			s.Process(ending, texts(b, "counts"))
			b.KeyValueStore[string, string]("a store", nil, serde.String())
			b.KeyValueStore("configs", serde.String(), serde.String(), topology.NoChangelog(), topology.TopicConfig("a", "b"))
		},
		[]string{
			`topology: KeyValueStore (LINE): the store twice is made a second time; the first is LINE's KeyValueStore: give one of them another name`,
			`topology: Process (LINE, step KSTREAM-PROCESSOR-0000000001): the key-value store "twice" is given twice: give it once`,
			`topology: KeyValueStore (LINE): the store counts is made a second time; the first is LINE's Count: give one of them another name`,
			`topology: KeyValueStore (LINE): store: the name "a store" has other characters than letters, digits, '.', '_' and '-': choose another`,
			`topology: KeyValueStore (LINE): store "a store" has no key serde: give one to KeyValueStore`,
			`topology: KeyValueStore (LINE): nothing uses the store "a store": give its handle to the Process of those who do, or remove it`,
			`topology: KeyValueStore (LINE): the options NoChangelog and TopicConfig are both given, but without a changelog there is no topic: remove one of them`,
			`topology: KeyValueStore (LINE): nothing uses the store "configs": give its handle to the Process of those who do, or remove it`,
		},
	},
	{
		"windows and versions of processors", func(b *topology.Builder) {
			b.WindowStore[string, string]("windows", nil, nil, time.Microsecond, 0)
			b.VersionedStore[string, string]("versions", serde.String(), nil, -time.Second)
			b.Stream(in).To(out)
		},
		[]string{
			`topology: WindowStore (LINE): store "windows" has no serdes: give them to WindowStore`,
			`topology: WindowStore (LINE): the windows of store "windows" have size 1µs: give at least a millisecond`,
			`topology: WindowStore (LINE): the retention of store "windows", 0s, is shorter than its windows, 1µs: give at least their size`,
			`topology: WindowStore (LINE): nothing uses the store "windows": give its handle to the Process of those who do, or remove it`,
			`topology: VersionedStore (LINE): store "versions" has no value serde: give one to VersionedStore`,
			`topology: VersionedStore (LINE): the history of store "versions" is -1s: give zero or more`,
			`topology: VersionedStore (LINE): nothing uses the store "versions": give its handle to the Process of those who do, or remove it`,
		},
	},
	{
		"global stores", func(b *topology.Builder) {
			keep := func(*processor.Task) (processor.Func[string, string], error) { return nil, nil }
			one := texts(b, "one")
			b.ProcessGlobal(in, keep, one)
			b.ProcessGlobal(text("two"), keep, one)
			b.ProcessGlobal(text("three"), keep)
			b.ProcessGlobal[string, string](text("four"), nil, texts(b, "four"), topology.Name("x"))
			b.Stream(in).Process(ending, one)
		},
		[]string{
			`topology: ProcessGlobal (LINE, step KTABLE-SOURCE-0000000003): the store "one" is kept by another ProcessGlobal: make one for each`,
			`topology: ProcessGlobal (LINE, step KTABLE-SOURCE-0000000005): it keeps no store: give the handle of one`,
			`topology: ProcessGlobal (LINE, step KTABLE-SOURCE-0000000007): the function is nil: give one`,
			`topology: ProcessGlobal (LINE, step KTABLE-SOURCE-0000000007): use 2 is an option: give handles of stores alone`,
			`topology: Stream (LINE, step KSTREAM-SOURCE-0000000008): it reads [in], which is read by KSTREAM-SOURCE-0000000000 (LINE) already: ` +
				`a topic of a global store is read for that alone: read the store, or write the records to a topic of their own`,
			`topology: Process (LINE, step KSTREAM-PROCESSOR-0000000009): the store "one" is global, so it is not to be given: take the handle out: any processor may read it`,
		},
	},
	{
		"side outputs", func(b *topology.Builder) {
			b.Stream(in).To(out)
			b.Side("late", serde.String(), serde.String()).Stream().To(text("late"))
			b.Side[string, string]("late", nil, nil)
			round := b.Side("round", serde.String(), serde.String())
			b.Stream(in).Process(ending, round, topology.Name("first"))
			round.Stream().MapValues(value).Process(ending, round, topology.Name("again"))
		},
		[]string{
			`topology: Side (LINE): nothing emits to the side output "late": give it to a Process, or remove it`,
			`topology: Side (LINE): side output "late" has no serdes: give them to Side`,
			`topology: Side (LINE): the side output "late" is made a second time: give one of them another name`,
			`topology: Process (LINE, step again): it comes after the side output "round", which it would emit to: ` +
				`records would go round: write them to a topic that is read again`,
		},
	},
}

func TestBuildNamesEachMistakeOfAProcessor(t *testing.T) { checkMistakes(t, processorMistakes) }

// TestStoresJoinSubtopologies: what shares a store is one task's, in the order of its nodes.
func TestStoresJoinSubtopologies(t *testing.T) {
	p := planOf(t, func(b *topology.Builder) {
		shared, own := texts(b, "shared"), texts(b, "own")
		b.Stream(text("a")).Process(ending, shared)
		b.Stream(text("b")).Process(ending, own)
		b.Stream(text("c")).Process(ending, shared)
	}).Compiled()
	var got [][]string
	for _, sub := range p.Subtopologies {
		var parts []string
		for _, n := range sub.Nodes {
			if n.Kind == plan.Source {
				parts = append(parts, n.Topics...)
			}
		}
		for _, s := range sub.Stores {
			parts = append(parts, s.Name)
		}
		got = append(got, parts)
	}
	if len(got) != 2 || !slices.Equal(got[0], []string{"a", "c", "shared"}) || !slices.Equal(got[1], []string{"b", "own"}) {
		t.Errorf("subtopologies %q", got)
	}
}

// TestOptimizeKnowsThatProcessorsChangeRecords: a repartition topic is not moved before one, nor is one
// topic made for what comes out of two ways.
func TestOptimizeKnowsThatProcessorsChangeRecords(t *testing.T) {
	k := tasksOf(t, func(b *topology.Builder) {
		side := b.Side("side", serde.String(), serde.Int64())
		s := b.Stream(in).SelectKey(value).Process(
			func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
				side := side.In(c)
				return func(r record.Record[string, string]) error {
					c.Forward(r.WithKey("key of " + r.Value()))
					side.Emit(r.WithValue(int64(len(r.Value()))))
					return nil
				}, nil
			}, side)
		s.GroupByKey().Count(topology.As("main"))
		s.GroupByKey().Reduce(last, topology.As("last"))
		side.Stream().GroupByKey().Count(topology.As("side"))
		side.Stream().GroupByKey().Reduce(func(_ string, _, n int64) int64 { return n }, topology.As("side-last"))
	}, topology.Optimize())[0]
	got := k.pipe("in", "k", "value", 1)
	same(t, "repartitioned", got,
		"app-main-repartition: key of value=value", "app-side-repartition: value=\x00\x00\x00\x00\x00\x00\x00\x05")
}
