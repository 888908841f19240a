package conformance

import (
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// latest is the generator's table of words.
func latest(b *topo) topology.Table[text, text] {
	return b.keeps(b.Table(texts("in"), topology.As("latest")))
}

// Suppressions.
var suppressCases = map[string]func(*topo){
	"suppress-tumbling-close": func(b *topo) {
		t := b.keepsWindows(b.Stream(texts("in")).GroupByKey().WindowedBy(tenGrace).Count())
		t.SuppressUntilClose().ToStream().To(windowed(ten, serde.Int64()))
	},

	"suppress-not-logged": func(b *topo) {
		t := b.keepsWindows(b.Stream(numbers("in")).GroupByKey().WindowedBy(ten).Reduce(sumOrKeep))
		t.SuppressUntilClose(topology.NoChangelog()).ToStream().To(windowed(ten, numberSerde))
	},

	"suppress-session-close": func(b *topo) {
		t := b.keepsSessions(b.Stream(texts("in")).GroupByKey().WindowedBySession(fiveGrace).Count())
		t.SuppressUntilClose().ToStream().To(inSessions(serde.Int64()))
	},

	"suppress-window-limit": func(b *topo) {
		t := b.keepsWindows(b.Stream(texts("in")).GroupByKey().WindowedBy(tenGrace).Count())
		t.SuppressUntilTimeLimit(3 * time.Second).ToStream().To(windowed(ten, serde.Int64()))
	},

	"suppress-time-limit": func(b *topo) {
		latest(b).SuppressUntilTimeLimit(10*time.Second, topology.Name("calm")).ToStream().To(texts("out"))
	},

	"suppress-zero": func(b *topo) {
		latest(b).SuppressUntilTimeLimit(0).ToStream().To(texts("out"))
	},

	"suppress-emit-early": func(b *topo) {
		latest(b).SuppressUntilTimeLimit(20*time.Second, topology.MaxRecords(2), topology.EmitEarly()).
			ToStream().To(texts("out"))
	},

	"suppress-emit-early-bytes": func(b *topo) {
		latest(b).SuppressUntilTimeLimit(20*time.Second, topology.MaxBytes(200), topology.EmitEarly()).
			ToStream().To(texts("out"))
	},
}
