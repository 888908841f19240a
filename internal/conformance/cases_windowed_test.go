package conformance

import (
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// The generator's windows of 10 s, with and without grace.
var (
	ten             = windowing.Tumbling(10 * time.Second)
	tenGrace        = ten.Grace(5 * time.Second)
	byFour          = windowing.Hopping(10*time.Second, 4*time.Second).Grace(5 * time.Second)
	byFive          = windowing.Hopping(10*time.Second, 5*time.Second)
	slidingTen      = windowing.Sliding(10 * time.Second)
	slidingTenGrace = slidingTen.Grace(5 * time.Second)
	startText       = func() text { return valid("") }
)

// joined is an aggregator that appends, a null value too.
func joined(_, v, a text) text { return plus(a, v) }

// sumOrKeep is a reducer of the generator: a null adds nothing.
func sumOrKeep(_ text, a, v number) number { return number{V: a.V + v.V, Valid: true} }

// atStart is a windowed key as text, without its end.
func atStart[K any](w windowing.Key[K], _ int64) string {
	return fmt.Sprintf("%s@%d", keyText(w.Key), w.Start)
}

// Aggregations in tumbling and hopping windows.
var windowsCases = map[string]func(*topo){
	"tumbling-count": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(ten).Count()
		b.keepsWindows(t).ToStream().To(windowed(ten, serde.Int64()))
	},

	"tumbling-grace": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(tenGrace).Count(topology.As("counts"))
		b.keepsWindows(t).ToStream().To(windowed(ten, serde.Int64()))
	},

	"tumbling-after-group-by": func(b *topo) {
		t := b.Stream(texts("in")).GroupBy(func(_, v text) text { return v }).WindowedBy(tenGrace).Count()
		b.keepsWindows(t).ToStream().To(windowed(ten, serde.Int64()))
	},

	"tumbling-reduce": func(b *topo) {
		t := b.Stream(numbers("in")).GroupByKey().WindowedBy(tenGrace).Reduce(sumOrKeep)
		b.keepsWindows(t).ToStream().To(windowed(ten, numberSerde))
	},

	"tumbling-aggregate": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(tenGrace).
			Aggregate(startText, joined, topology.As("joined"))
		b.keepsWindows(t).ToStream().To(windowed(ten, textSerde))
	},

	"tumbling-retention": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(tenGrace).
			Count(topology.As("counts"), topology.Retention(2*time.Minute))
		b.keepsWindows(t).ToStream().To(windowed(ten, serde.Int64()))
	},

	"tumbling-in-memory": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(tenGrace).
			Count(topology.As("counts"), topology.InMemory(), topology.Retention(15*time.Second))
		b.keepsWindows(t).ToStream().To(windowed(ten, serde.Int64()))
	},

	"tumbling-on-close": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(tenGrace).EmitOnClose().Count()
		b.keepsWindows(t).ToStream().To(windowed(ten, serde.Int64()))
	},

	"tumbling-on-close-no-grace": func(b *topo) {
		t := b.Stream(numbers("in")).GroupByKey().WindowedBy(ten).EmitOnClose().Reduce(sumOrKeep)
		b.keepsWindows(t).ToStream().To(windowed(ten, numberSerde))
	},

	"tumbling-rekeyed": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(tenGrace).Count()
		b.keepsWindows(t).ToStream().SelectKey(atStart).
			To(topology.NewTopic("out", serde.String(), serde.Int64()))
	},

	"tumbling-cached": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(tenGrace).Count(
			topology.Name("counting"), topology.As("counts"), topology.Retention(time.Hour), topology.Cached())
		b.keepsWindows(t).ToStream().To(windowed(ten, serde.Int64()))
	},

	"cogroup-tumbling": func(b *topo) {
		ns := b.Stream(numbers("numbers")).GroupByKey()
		words := b.Stream(texts("words")).GroupByKey()
		t := ns.Cogroup(plusNumber).Cogroup(words, joined).WindowedBy(tenGrace).Aggregate(startText)
		b.keepsWindows(t).ToStream().To(windowed(ten, textSerde))
	},

	"hopping-count": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(byFour).Count()
		b.keepsWindows(t).ToStream().To(windowed(byFour, serde.Int64()))
	},

	"hopping-aggregate": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(byFive).Aggregate(startText, joined)
		b.keepsWindows(t).ToStream().To(windowed(byFive, textSerde))
	},

	"hopping-on-close": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(byFour).EmitOnClose().Count()
		b.keepsWindows(t).ToStream().To(windowed(byFour, serde.Int64()))
	},

	"hopping-cached": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(byFour).Aggregate(startText, joined,
			topology.As("joined"), topology.Retention(time.Hour), topology.Cached())
		b.keepsWindows(t).ToStream().To(windowed(byFour, textSerde))
	},

	"on-close-negative-keys": func(b *topo) {
		t := b.Stream(topology.NewTopic("in", numberSerde, textSerde)).GroupByKey().
			WindowedBy(tenGrace).EmitOnClose().Count(topology.As("counts"))
		b.keepsWindows(t).ToStream().SelectKey(atStart).
			To(topology.NewTopic("out", serde.String(), serde.Int64()))
	},

	"sliding-count": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(slidingTenGrace).Count()
		b.keepsWindows(t).ToStream().To(windowed(slidingTen, serde.Int64()))
	},

	"sliding-aggregate": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(slidingTen).Aggregate(startText, joined)
		b.keepsWindows(t).ToStream().To(windowed(slidingTen, textSerde))
	},

	"sliding-on-close": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(slidingTenGrace).EmitOnClose().Count()
		b.keepsWindows(t).ToStream().To(windowed(slidingTen, serde.Int64()))
	},

	"unlimited": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBy(windowing.Unlimited(time.UnixMilli(10_000))).
			Count(topology.As("counts"))
		b.keepsWindows(t).ToStream().SelectKey(atStart).
			To(topology.NewTopic("out", serde.String(), serde.Int64()))
	},
}
