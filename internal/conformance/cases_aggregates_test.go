package conformance

import (
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// Aggregations without windows.
var aggregatesCases = map[string]func(*topo){
	"word-count": func(b *topo) {
		t := b.Stream(texts("in")).
			FlatMapValues(splitWords).
			GroupBy(func(_, word text) text { return word }).
			Count()
		b.keeps(t).ToStream().To(counts("out"))
	},

	"count-by-key": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().Count(topology.As("counts"))
		b.keeps(t).ToStream().To(counts("out"))
	},

	"count-null-group": func(b *topo) {
		t := b.Stream(texts("in")).GroupBy(func(_, v text) text {
			if v == valid("v0") {
				return text{}
			}
			return v
		}).Count()
		b.keeps(t).ToStream().To(counts("out"))
	},

	"reduce": func(b *topo) {
		t := b.Stream(numbers("in")).GroupByKey().Reduce(sum, topology.As("sums"))
		b.keeps(t).ToStream().To(numbers("out"))
	},

	"reduce-to-null": func(b *topo) {
		t := b.Stream(numbers("in")).GroupByKey().Reduce(func(k text, a, v number) number {
			if s := sum(k, a, v); s.V <= 100 {
				return s
			}
			return number{}
		})
		b.keeps(t).ToStream().To(numbers("out"))
	},

	"aggregate": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().Aggregate(
			func() text { return valid("") },
			func(_, v, a text) text {
				if len(a.V) > 12 {
					return v
				}
				return plus(a, v)
			}, topology.As("joined"))
		b.keeps(t).ToStream().To(texts("out"))
	},

	"aggregate-in-memory": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().Aggregate(
			func() int64 { return 0 },
			func(_, v text, a int64) int64 { return a + int64(len(v.V)) },
			topology.As("lengths"), topology.InMemory())
		b.keeps(t).ToStream().To(counts("out"))
	},

	"aggregate-not-logged": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().Count(topology.As("counts"), topology.NoChangelog())
		b.keeps(t).ToStream().To(counts("out"))
	},

	"grouped-name": func(b *topo) {
		t := b.Stream(texts("in")).
			GroupBy(func(_, v text) text { return v }, topology.Name("by-value")).
			Count(topology.Name("counting"), topology.As("counts"))
		b.keeps(t).ToStream(topology.Name("stream-of-counts")).To(counts("out"))
	},

	"two-counts-one-key-change": func(b *topo) {
		s := b.Stream(texts("in")).SelectKey(func(_, v text) text { return v })
		b.keeps(s.GroupByKey().Count()).ToStream().To(counts("counts"))
		b.keeps(s.GroupByKey().Reduce(func(_, _, v text) text { return v })).ToStream().To(texts("last"))
	},

	"two-counts-optimized": func(b *topo) {
		s := b.Stream(texts("in")).SelectKey(func(_, v text) text { return v })
		b.keeps(s.GroupByKey().Count()).ToStream().To(counts("counts"))
		b.keeps(s.GroupByKey().Reduce(func(_, _, v text) text { return v })).ToStream().To(texts("last"))
	},

	"cogroup": func(b *topo) {
		ns := b.Stream(numbers("numbers")).GroupByKey()
		words := b.Stream(texts("words")).GroupByKey()
		t := ns.Cogroup(plusNumber).
			Cogroup(words, func(_, v, a text) text {
				if len(a.V) > 20 {
					return v
				}
				return plus(a, v)
			}).
			Aggregate(startText, topology.As("both"))
		b.keeps(t).ToStream().To(texts("out"))
	},

	"integer-keys": func(b *topo) {
		t := b.Stream(topology.NewTopic("in", integerSerde, textSerde)).GroupByKey().Count()
		b.keeps(t).ToStream().To(topology.NewTopic("out", integerSerde, serde.Int64()))
	},

	"all-named": func(b *topo) {
		t := b.Stream(texts("in"), topology.Name("source")).
			Filter(func(_, v text) bool { return v.Valid }, topology.Name("drop-nulls")).
			SelectKey(func(_, v text) text { return v }, topology.Name("by-value")).
			MapValues(appends("#"), topology.Name("mark")).
			GroupByKey(topology.Name("groups")).
			Count(topology.Name("count"), topology.As("counts"))
		b.keeps(t).ToStream(topology.Name("changes")).To(counts("out"), topology.Name("sink"))
	},

	"count-cached": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().Count(topology.As("counts"), topology.Cached())
		b.keeps(t).ToStream().To(counts("out"))
	},
}

// plusNumber is an aggregator of the generator: it appends a number, a null one too.
func plusNumber(_ text, v number, a text) text { return plus(a, "+", v) }

// sum is Java's Long::sum.
func sum(_ text, a, v number) number { return number{V: a.V + v.V, Valid: true} }
