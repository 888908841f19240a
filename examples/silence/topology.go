package main

import (
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// Reading is what a weather station reports, under its name. Nil: it was not measured.
type Reading struct {
	TempF      *float64 `json:"temp_f"`
	WindMph    *float64 `json:"wind_mph"`
	PressureMb *float64 `json:"pressure_mb"`
}

// Alert is what there is to say of a station, under its name.
type Alert struct {
	Silent bool        `json:"silent"` // false: it reports again
	Since  record.Time `json:"since"`  // when it was last heard before
}

var (
	readings   = topology.NewTopic("readings", serde.String(), serde.JSON[Reading]())
	alerts     = topology.NewTopic("alerts", serde.String(), serde.JSON[Alert]())
	incomplete = topology.NewTopic("incomplete", serde.String(), serde.JSON[Reading]())
)

// Stations report every hour.
const (
	patience = 90 * time.Minute // how long a station may be silent
	lookEach = 30 * time.Minute // how often it is looked for silent ones
)

// watchStations tells which stations have fallen silent and which report again, and sets readings
// without all values aside.
func watchStations() (*topology.Plan, error) {
	b := topology.NewBuilder()
	heard := b.KeyValueStore("last-heard", serde.String(), serde.Bool())
	aside := b.Side("incomplete", readings.KeySerde(), readings.ValueSerde())
	b.Stream(readings).
		Process(watch(heard, aside), topology.Name("watch"), heard, aside).
		To(alerts)
	aside.Stream().To(incomplete)
	return b.Build()
}

// watch keeps a row per station: its time is when the station was last heard, its value whether that it
// is silent was told.
func watch(
	heard store.KeyValueRef[string, bool], aside topology.Side[string, Reading],
) processor.Setup[string, Reading, string, Alert] {
	return func(c *processor.Context[string, Alert]) (processor.Func[string, Reading], error) {
		heard, aside := heard.In(c), aside.In(c)
		c.Every(lookEach, processor.StreamTime, func(at processor.Time) error {
			for row := range heard.Entries() {
				if told := row.Value; !told && at.Sub(row.Time) > patience {
					c.Forward(record.New(row.Key, Alert{Silent: true, Since: row.Time}, at))
					heard.PutAt(row.Key, true, row.Time)
				}
			}
			return nil
		})
		return func(r processor.Record[string, Reading]) error {
			if r.IsTombstone() || r.Value().PressureMb == nil {
				aside.Emit(r)
			}
			last, known := heard.Entry(r.Key())
			if known && r.Time() <= last.Time {
				return nil // it came late, and says nothing new of the silence
			}
			if known && r.Time().Sub(last.Time) > patience {
				c.Forward(r.WithValue(Alert{Since: last.Time}))
			}
			heard.PutAt(r.Key(), false, r.Time())
			return nil
		}, nil
	}
}
