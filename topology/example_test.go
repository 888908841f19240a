package topology_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
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

func ExampleGroupedStream_WindowedBy_sliding() {
	logins := topology.NewTopic("failed-logins", serde.String(), serde.String())
	quarter := windowing.Sliding(15 * time.Minute).Grace(time.Minute)
	alarms := topology.NewTopic("alarms", quarter.KeySerde(serde.String()), serde.Int64())

	b := topology.NewBuilder()
	b.Stream(logins).
		GroupByKey().
		WindowedBy(quarter).
		EmitOnClose().
		Count(topology.As("failures")).
		ToStream().
		Filter(func(_ windowing.Key[string], n int64) bool { return n > 3 }).
		To(alarms)
	plan, err := b.Build()
	fmt.Println(plan != nil, err)
	// Output: true <nil>
}

func ExampleGroupedStream_WindowedBySession() {
	clicks := topology.NewTopic("clicks", serde.String(), serde.String())
	visits := windowing.Session(30 * time.Minute).Grace(5 * time.Minute)
	lengths := topology.NewTopic("visit-lengths", serde.String(), serde.Int64())

	b := topology.NewBuilder()
	b.Stream(clicks).
		GroupByKey().
		WindowedBySession(visits).
		EmitOnClose().
		Count(topology.As("visits")).
		ToStream().
		Map(func(visit windowing.Key[string], _ int64) (string, int64) {
			return visit.Key, int64(visit.End - visit.Start)
		}).
		To(lengths)
	plan, err := b.Build()
	fmt.Println(plan != nil, err)
	// Output: true <nil>
}

func ExampleWindowedTable_SuppressUntilClose() {
	orders := topology.NewTopic("orders", serde.String(), serde.Int64())
	hours := windowing.Tumbling(time.Hour).Grace(5 * time.Minute)
	sums := topology.NewTopic("hourly-sums", hours.KeySerde(serde.String()), serde.Int64())

	b := topology.NewBuilder()
	perHour := b.Stream(orders).
		GroupByKey().
		WindowedBy(hours).
		Reduce(func(_ string, sum, amount int64) int64 { return sum + amount }, topology.As("sums"))
	perHour.
		SuppressUntilClose(topology.Name("final"), topology.MaxRecords(100_000)).
		ToStream().
		To(sums)
	plan, err := b.Build()
	fmt.Println(plan != nil, err)
	// Output: true <nil>
}

func ExampleTable_SuppressUntilTimeLimit() {
	prices := topology.NewTopic("prices", serde.String(), serde.Float64())
	calm := topology.NewTopic("prices-every-minute", serde.String(), serde.Float64())

	b := topology.NewBuilder()
	b.Table(prices, topology.As("latest")).
		SuppressUntilTimeLimit(time.Minute, topology.MaxRecords(10_000), topology.EmitEarly()).
		ToStream().
		To(calm)
	plan, err := b.Build()
	fmt.Println(plan != nil, err)
	// Output: true <nil>
}

func ExampleGroupedStream_WindowedBy_unlimited() {
	sales := topology.NewTopic("sales", serde.String(), serde.Int64())
	season := windowing.Unlimited(time.Date(2026, time.September, 1, 0, 0, 0, 0, time.UTC))

	b := topology.NewBuilder()
	b.Stream(sales).
		GroupByKey().
		WindowedBy(season).
		Count(topology.As("sales-this-season"))
	plan, err := b.Build()
	fmt.Println(plan != nil, err)
	// Output: true <nil>
}
