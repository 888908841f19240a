package conformance

import (
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// The generator's sessions that end after 5 s.
var (
	fiveGap    = windowing.Session(5 * time.Second)
	fiveGrace  = fiveGap.Grace(5 * time.Second)
	fiveLonger = fiveGap.Grace(20 * time.Second)
)

// between joins what two sessions hold.
func between(_, x, y text) text { return plus(x, "|", y) }

// Aggregations in sessions.
var sessionsCases = map[string]func(*topo){
	"session-count": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBySession(fiveGrace).Count()
		b.keepsSessions(t).ToStream().To(inSessions(serde.Int64()))
	},

	"session-merge": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBySession(fiveLonger).
			Aggregate(startText, joined, between, topology.As("sessions"))
		b.keepsSessions(t).ToStream().To(inSessions(textSerde))
	},

	"session-cached": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBySession(fiveLonger).
			Aggregate(startText, joined, between, topology.As("sessions"), topology.Retention(time.Hour), topology.Cached())
		b.keepsSessions(t).ToStream().To(inSessions(textSerde))
	},

	"session-no-grace": func(b *topo) {
		t := b.Stream(numbers("in")).GroupByKey().WindowedBySession(fiveGap).Reduce(sumOrKeep)
		b.keepsSessions(t).ToStream().To(inSessions(numberSerde))
	},

	"session-on-close": func(b *topo) {
		t := b.Stream(texts("in")).GroupByKey().WindowedBySession(fiveGrace).EmitOnClose().Count()
		b.keepsSessions(t).ToStream().To(inSessions(serde.Int64()))
	},

	"cogroup-session": func(b *topo) {
		ns := b.Stream(numbers("numbers")).GroupByKey()
		words := b.Stream(texts("words")).GroupByKey()
		t := ns.Cogroup(plusNumber).Cogroup(words, joined).WindowedBySession(fiveGrace).
			Aggregate(startText, between)
		b.keepsSessions(t).ToStream().To(inSessions(textSerde))
	},
}
