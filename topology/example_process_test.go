package topology_test

import (
	"fmt"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// A user's first view goes on, the others go aside: a store and a side output, each a typed handle that
// is connected with the processor and opened in its set-up.
func ExampleStream_Process() {
	views := topology.NewTopic("views", serde.String(), serde.String())
	first := topology.NewTopic("first-views", serde.String(), serde.String())
	again := topology.NewTopic("repeated-views", serde.String(), serde.Int64())

	b := topology.NewBuilder()
	seen := b.KeyValueStore("seen", serde.String(), serde.Int64())
	repeats := b.Side("repeats", serde.String(), serde.Int64())
	b.Stream(views).
		Process(func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
			seen, repeats := seen.In(c), repeats.In(c)
			return func(r processor.Record[string, string]) error {
				n, known := seen.Get(r.Key())
				seen.Put(r.Key(), n+1)
				if known {
					repeats.Emit(r.WithValue(n))
				} else {
					c.Forward(r)
				}
				return nil
			}, nil
		}, seen, repeats, topology.Name("once")).
		To(first, topology.Name("first"))
	repeats.Stream().To(again, topology.Name("again"))
	plan, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan.Describe())
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [views])
	//       --> once
	//     Processor: once (stores: [seen])
	//       --> again, first
	//       <-- KSTREAM-SOURCE-0000000000
	//     Sink: again (topic: repeated-views)
	//       <-- once
	//     Sink: first (topic: first-views)
	//       <-- once
}
