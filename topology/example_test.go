package topology_test

import (
	"fmt"
	"strings"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

func Example() {
	lines := topology.NewTopic("lines", serde.String(), serde.String())
	counts := topology.NewTopic("counts", serde.String(), serde.Int64())

	b := topology.NewBuilder()
	b.Stream(lines).
		FlatMapValues(func(_, line string, emit func(string)) {
			for word := range strings.FieldsSeq(line) {
				emit(word)
			}
		}).
		GroupBy(func(_, word string) string { return word }).
		Count(topology.As("words")).
		ToStream().
		To(counts)
	plan, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan.Describe())
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [lines])
	//       --> KSTREAM-FLATMAPVALUES-0000000001
	//     Processor: KSTREAM-FLATMAPVALUES-0000000001 (stores: [])
	//       --> KSTREAM-KEY-SELECT-0000000002
	//       <-- KSTREAM-SOURCE-0000000000
	//     Processor: KSTREAM-KEY-SELECT-0000000002 (stores: [])
	//       --> words-repartition-filter
	//       <-- KSTREAM-FLATMAPVALUES-0000000001
	//     Processor: words-repartition-filter (stores: [])
	//       --> words-repartition-sink
	//       <-- KSTREAM-KEY-SELECT-0000000002
	//     Sink: words-repartition-sink (topic: words-repartition)
	//       <-- words-repartition-filter
	//
	//   Sub-topology: 1
	//     Source: words-repartition-source (topics: [words-repartition])
	//       --> KSTREAM-AGGREGATE-0000000003
	//     Processor: KSTREAM-AGGREGATE-0000000003 (stores: [words])
	//       --> KTABLE-TOSTREAM-0000000007
	//       <-- words-repartition-source
	//     Processor: KTABLE-TOSTREAM-0000000007 (stores: [])
	//       --> KSTREAM-SINK-0000000008
	//       <-- KSTREAM-AGGREGATE-0000000003
	//     Sink: KSTREAM-SINK-0000000008 (topic: counts)
	//       <-- KTABLE-TOSTREAM-0000000007
}
