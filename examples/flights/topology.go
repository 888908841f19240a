package main

import (
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// hours are the windows: a flight that is announced up to two days late still counts.
var hours = windowing.Tumbling(time.Hour).Grace(48 * time.Hour)

// topics are those of one application.
type topics struct {
	// input is keyed by origin, and grouped by that key as it is. So the flights of an airport
	// stay in the order in which they were published, and stream time, which decides who is late,
	// moves with them. Behind a repartition to another key they would be mixed from partitions of
	// which some run far ahead of others, and whoever comes from the slow ones would be late.
	input    topology.Topic[string, Flight]
	hourly   topology.Topic[windowing.Key[string], Delays] // by origin and scheduled hour
	airlines topology.Topic[string, Delays]                // by the airline's name
}

// topicsOf are the topics of the application of that id.
func topicsOf(application string) topics {
	return topics{
		input: topology.NewTopic(application+"-input", serde.String(), serde.JSON[Flight]()).
			WithEventTime(func(_ string, f Flight) time.Time { return time.Unix(f.Scheduled, 0) }),
		hourly:   topology.NewTopic(application+"-hourly", hours.KeySerde(serde.String()), serde.JSON[Delays]()),
		airlines: topology.NewTopic(application+"-airlines", serde.String(), serde.JSON[Delays]()),
	}
}

// byAirline names the repartition topic, which repartitionTopic is in full.
const byAirline = "by-airline"

func repartitionTopic(application string) string {
	return application + "-" + byAirline + "-repartition"
}

// flightDelays is the whole topology. airline gives an airline's name, seen is told of each flight.
func flightDelays(t topics, airline func(code string) string, seen func(Flight)) (*topology.Plan, error) {
	b := topology.NewBuilder(topology.RequireNames())
	b.UseSerde(serde.JSON[Delays]())
	none := func() Delays { return Delays{} }
	add := func(_ string, f Flight, d Delays) Delays { return d.with(f) }

	flights := b.Stream(t.input, topology.OnError(topology.ErrorPolicies{Decode: topology.Skip()})).
		Peek(func(_ string, f Flight) { seen(f) })

	// The data is years old. A changelog of windows forgets by time, so the broker would drop it
	// as soon as it looked: retention.ms keeps it, as whoever replays old data has to.
	flights.GroupByKey().
		WindowedBy(hours).
		Aggregate(none, add, topology.As("hours"), topology.Cached(), topology.TopicConfig("retention.ms", "-1")).
		ToStream().
		To(t.hourly)

	// The total of an airline has no window, so no flight is late for it, whatever the order.
	flights.GroupBy(func(_ string, f Flight) string { return airline(f.Carrier) }, topology.Name(byAirline)).
		Aggregate(none, add, topology.As("airlines"), topology.Cached()).
		ToStream().
		To(t.airlines)

	return b.Build()
}
