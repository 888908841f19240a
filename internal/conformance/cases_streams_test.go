package conformance

import (
	"errors"
	"strings"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

// The stateless verbs.
var streamsCases = map[string]func(*topo){
	"filter": func(b *topo) {
		low := func(_, v text) bool { return v.Valid && v.V < "v4" }
		in := b.Stream(texts("in"))
		in.Filter(low).To(texts("low"))
		in.FilterNot(low).To(texts("high"))
	},

	"map": func(b *topo) {
		b.Stream(texts("in")).Map(func(k, v text) (string, int64) {
			key, length := "none", int64(-1)
			if k.Valid {
				key = k.V + k.V
			}
			if v.Valid {
				length = int64(len(v.V))
			}
			return key, length
		}).To(topology.NewTopic("out", serde.String(), serde.Int64()))
	},

	"map-values": func(b *topo) {
		in := b.Stream(texts("in"))
		in.MapValues(func(_, v text) text {
			v.V = strings.ToUpper(v.V)
			return v
		}).To(texts("upper"))
		in.MapValues(func(k, v text) text { return plus(k, "=", v) }).To(texts("keyed"))
	},

	"flat-map": func(b *topo) {
		b.Stream(texts("in")).FlatMap(func(k, v text, emit func(k, v text)) {
			if v.Valid {
				for w := range strings.SplitSeq(v.V, " ") {
					emit(valid(w), k)
				}
			}
		}).To(texts("out"))
	},

	"flat-map-values": func(b *topo) {
		b.Stream(texts("in")).FlatMapValues(splitWords).To(texts("out"))
	},

	"select-key": func(b *topo) {
		b.Stream(texts("in")).
			SelectKey(func(_, v text) text { return v }).
			Peek(func(_, _ text) {}).
			MapValues(func(_, v text) text { return v }).
			To(texts("out"))
	},

	"merge": func(b *topo) {
		b.Stream(texts("left")).Merge(b.Stream(texts("right"))).To(texts("out"))
	},

	"many-topics": func(b *topo) {
		b.StreamOf(topology.Topics(texts("one"), texts("two"))).MapValues(appends("!")).To(texts("out"))
	},

	"split": func(b *topo) {
		s := b.Stream(texts("in")).Split(topology.Name("kind-"))
		nulls := s.Branch("null", func(_, v text) bool { return !v.Valid })
		low := s.Branch("low", func(_, v text) bool { return v.V < "v3" })
		rest := s.Default("rest")
		nulls.To(texts("nulls"))
		low.To(texts("low"))
		rest.To(texts("rest"))
	},

	"split-no-default": func(b *topo) {
		s := b.Stream(texts("in")).Split()
		first := s.Branch("", func(_, v text) bool { return v == valid("v1") })
		second := s.Branch("", func(_, v text) bool { return v == valid("v2") })
		first.To(texts("out"))
		second.To(texts("out"))
	},

	"dynamic-topic": func(b *topo) {
		b.Stream(texts("in")).ToDynamic(texts("by record"), func(_, v text) string {
			if !v.Valid || v.V < "v4" {
				return "low"
			}
			return "high"
		})
	},

	"to-and-on": func(b *topo) {
		s := b.Stream(texts("in")).MapValues(appends("1"))
		s.To(texts("first"))
		s.MapValues(appends("2")).To(texts("second"))
	},

	"repartition": func(b *topo) {
		b.Stream(texts("in")).
			SelectKey(func(_, v text) text { return v }).
			Repartition(topology.Name("by-value"), topology.Partitions(3)).
			MapValues(appends("?")).
			To(texts("out"))
	},

	"repartition-unnamed": func(b *topo) {
		b.Stream(texts("in")).Repartition().To(texts("out"))
	},

	"source-twice": func(b *topo) {
		in := texts("in")
		b.Stream(in).MapValues(appends("1")).To(texts("first"))
		b.Stream(in).MapValues(appends("2")).To(texts("second"))
	},

	"timestamp-extractor": func(b *topo) {
		in := numbers("in").WithTimestamp(
			func(r record.Record[text, number], partitionTime record.Time) record.Time {
				switch v := r.Value(); {
				case !v.Valid:
					return partitionTime
				case v.V%10 == 0:
					return -1
				default:
					return record.Time(v.V * 1000)
				}
			})
		s := b.Stream(in)
		s.To(numbers("passed"))
		b.keeps(s.GroupByKey().Count()).ToStream().To(counts("out"))
	},

	"to-table": func(b *topo) {
		b.keeps(b.Stream(texts("in")).ToTable(topology.As("latest"))).ToStream().To(texts("out"))
		b.Stream(texts("other")).SelectKey(func(_, v text) text { return v }).ToTable().ToStream().To(texts("out2"))
	},

	"empty-is-not-null": func(b *topo) {
		s := b.Stream(texts("in"))
		b.keeps(s.GroupByKey().Count(topology.As("counts"))).ToStream().To(counts("counted"))
		empty := b.keeps(s.ToTable(topology.As("latest"))).
			Filter(func(_, v text) bool { return v == valid("") }, topology.As("empty"))
		b.keeps(empty).ToStream().To(texts("empties"))
	},

	"skip-on-error": func(b *topo) {
		b.options = append(b.options, streamtest.OnError(topology.ErrorPolicies{
			Process: processor.ErrorPolicy{Action: processor.SkipAction},
		}))
		s := b.Stream(texts("in"))
		s.MapValues(func(_, v text) text {
			if v == valid("v3") {
				panic(errors.New("v3"))
			}
			return plus(v, "!")
		}).To(texts("risky"))
		s.MapValues(appends("?")).To(texts("safe"))
	},
}

// appends is a step that appends to a value, a null one too.
func appends(suffix string) func(_, v text) text {
	return func(_, v text) text { return plus(v, suffix) }
}

// splitWords makes a record of each word; of none where the value is null.
func splitWords(_, v text, emit func(text)) {
	if v.Valid {
		for w := range strings.SplitSeq(v.V, " ") {
			emit(valid(w))
		}
	}
}
