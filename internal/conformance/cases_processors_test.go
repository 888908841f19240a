package conformance

import (
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// Processors, their stores and side outputs.
var processorsCases = map[string]func(*topo){
	"process-once": func(b *topo) {
		seen := b.keepsState(b.KeyValueStore("seen", textSerde, textSerde))
		b.Stream(texts("in")).Process(once(seen), topology.Name("once"), seen).To(texts("out"))
	},

	"process-then-count": func(b *topo) {
		seen := b.keepsState(b.KeyValueStore("seen", textSerde, textSerde))
		b.keeps(b.Stream(texts("in")).Process(once(seen), seen).GroupByKey().Count()).ToStream().To(counts("out"))
	},

	"process-router": func(b *topo) {
		low, high := b.Side("low", textSerde, textSerde), b.Side("high", textSerde, textSerde)
		b.Stream(texts("in"), topology.Name("source")).Process(route(low, high), topology.Name("route"), low, high)
		low.Stream().To(texts("low"), topology.Name("low"))
		high.Stream().To(texts("high"), topology.Name("high"))
	},
}

// once lets a key through once every 10 s of its own time.
func once(seen store.KeyValueRef[text, text]) processor.Setup[text, text, text, text] {
	return func(c *processor.Context[text, text]) (processor.Func[text, text], error) {
		seen := seen.In(c)
		return func(r record.Record[text, text]) error {
			if !r.HasKey() {
				return nil
			}
			last, again := seen.Entry(r.Key())
			if again && r.Time()-last.Time < 10_000 {
				return nil
			}
			seen.PutAt(r.Key(), r.Value(), r.Time())
			if again {
				c.Forward(r.WithValue(plus(r.Value(), "<", last.Value)))
			} else {
				c.Forward(r.WithValue(plus(r.Value(), "")))
			}
			return nil
		}, nil
	}
}

// route marks records and sends them to one of two ways out by their values, those without to both.
func route(low, high topology.Side[text, text]) processor.Setup[text, text, text, text] {
	return func(c *processor.Context[text, text]) (processor.Func[text, text], error) {
		low, high := low.In(c), high.In(c)
		return func(r record.Record[text, text]) error {
			marked := r.WithTime(r.Time() + 1).WithHeaders(r.Headers().With("routed", []byte("yes")))
			if r.IsTombstone() || r.Value().V < "v4" {
				low.Emit(marked)
			}
			if r.IsTombstone() || r.Value().V >= "v4" {
				high.Emit(marked)
			}
			return nil
		}, nil
	}
}
