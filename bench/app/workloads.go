package main

import (
	"fmt"
	"slices"

	"github.com/pitwheel/pitwheel/bench/internal/data"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// compile is the topology of a workload, as a user of the DSL would write it.
func compile(o *options, workload string) (*topology.Plan, error) {
	var (
		b   = topology.NewBuilder()
		in  = topology.NewTopic(o.input, serde.String(), serde.Bytes())
		out = topology.NewTopic(o.output, serde.String(), serde.Bytes())
	)
	switch workload {
	case "count":
		count(b, o, in)
	case "passthrough":
		b.Stream(in).
			Filter(func(_ string, v []byte) bool { return data.Kept(v) }).
			MapValues(func(_ string, v []byte) []byte { return flagged(v) }).
			To(out)
	case "reduce":
		b.Stream(in).
			GroupByKey().
			Reduce(higher, stored(o, "best")...).
			ToStream().
			To(out)
	default:
		return nil, fmt.Errorf("unknown workload %q: it is count, passthrough, reduce or restore", workload)
	}
	return b.Build()
}

// count counts records of each key and tumbling window.
func count(b *topology.Builder, o *options, in topology.Topic[string, []byte]) {
	windows := windowing.Tumbling(o.window).Grace(o.grace)
	out := topology.NewTopic(o.output, windows.KeySerde(serde.String()), serde.Int64())
	windowed := b.Stream(in).GroupByKey().WindowedBy(windows)
	if o.emit == "close" {
		windowed.EmitOnClose().Count(topology.As("counts")).ToStream().To(out)
		return
	}
	opts := []topology.WindowStoreOption{topology.As("counts")}
	if o.cacheBytes > 0 {
		opts = append(opts, topology.Cached())
	}
	windowed.Count(opts...).ToStream().To(out)
}

// stored names a table's store; with a cache, what changed is put out once a commit.
func stored(o *options, name string) []topology.StoreOption {
	opts := []topology.StoreOption{topology.As(name)}
	if o.cacheBytes > 0 {
		opts = append(opts, topology.Cached())
	}
	return opts
}

// higher keeps the value with the higher amount, and of two alike the older.
func higher(_ string, best, v []byte) []byte {
	if data.AmountOver(v, best) {
		return v
	}
	return best
}

func flagged(v []byte) []byte {
	out := slices.Clone(v)
	data.Flagged(out, v)
	return out
}
