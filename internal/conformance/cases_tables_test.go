package conformance

import (
	"github.com/pitwheel/pitwheel/topology"
)

// low is a predicate of the generator, which it calls for values alone.
func low(_, v text) bool { return v.V < "v4" }

// Tables read from a topic.
var tablesCases = map[string]func(*topo){
	"table": func(b *topo) {
		b.Table(texts("in")).ToStream().To(texts("out"))
	},

	"table-materialized": func(b *topo) {
		b.keeps(b.Table(texts("in"), topology.As("latest"))).ToStream().To(texts("out"))
	},

	"table-filter": func(b *topo) {
		b.Table(texts("in")).Filter(low).ToStream().To(texts("out"))
	},

	"table-filter-materialized": func(b *topo) {
		t := b.keeps(b.Table(texts("in"), topology.As("latest")))
		b.keeps(t.Filter(low, topology.As("low"))).ToStream().To(texts("low"))
		t.FilterNot(low).ToStream().To(texts("high"))
	},

	"table-cached": func(b *topo) {
		t := b.keeps(b.Table(texts("in"), topology.As("latest"), topology.Cached()))
		b.keeps(t.Filter(low, topology.Name("low-only"), topology.As("low"), topology.Cached())).
			ToStream().To(texts("out"))
	},

	"table-optimized": func(b *topo) {
		b.keeps(b.Table(texts("in"), topology.As("latest"))).ToStream().To(texts("out"))
	},
}
