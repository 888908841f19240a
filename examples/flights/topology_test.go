package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/streamtest"
)

// scheduled is a flight at that minute of 1 January 2013, UTC, which left with that delay.
func scheduled(minute int64, origin, carrier string, delay int64) Flight {
	return Flight{Scheduled: newYear + 60*minute, Origin: origin, Carrier: carrier, DepDelay: &delay}
}

const newYear = 1356998400

// fixture is the topology on a test driver.
type fixture struct {
	*streamtest.Driver
	topics topics
	seen   *sightings
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	n, err := readNames()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{topics: topicsOf("app"), seen: newSightings()}
	plan, err := flightDelays(f.topics, n.airline, f.seen.note)
	if err != nil {
		t.Fatal(err)
	}
	f.Driver = streamtest.New(t, plan, streamtest.Partitions(partitions))
	return f
}

func (f *fixture) pipe(flights ...Flight) {
	in := f.Input(f.topics.input)
	for i, flight := range flights {
		flight.Seq = i + 1
		in.Pipe(flight.Origin, flight, record.Time(i))
	}
}

// hours are the latest values of the hourly topic.
func (f *fixture) hours() map[hour]Delays {
	hours := map[hour]Delays{}
	for _, r := range f.Output(f.topics.hourly).All() {
		hours[hour{r.Key().Key, int64(r.Key().Start) / 1000}] = r.Value()
	}
	return hours
}

func (f *fixture) airlines() map[string]Delays {
	airlines := map[string]Delays{}
	for _, r := range f.Output(f.topics.airlines).All() {
		airlines[r.Key()] = r.Value()
	}
	return airlines
}

func TestFlightsAreCountedByOriginAndScheduledHour(t *testing.T) {
	f := newFixture(t)
	f.pipe(
		scheduled(0, "JFK", "AA", 10), scheduled(59, "JFK", "B6", -4), scheduled(60, "JFK", "AA", 1),
		scheduled(0, "EWR", "AA", 7),
	)
	want := map[hour]Delays{
		{"JFK", newYear}:        {Flights: 2, Left: 2, Sum: 6},
		{"JFK", newYear + 3600}: {Flights: 1, Left: 1, Sum: 1},
		{"EWR", newYear}:        {Flights: 1, Left: 1, Sum: 7},
	}
	if diff := cmp.Diff(want, f.hours(), cmp.AllowUnexported(hour{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"JFK": 3, "EWR": 4}, f.seen.copy()); diff != "" {
		t.Error(diff)
	}
}

func TestAirlinesAreCountedUnderTheirNames(t *testing.T) {
	f := newFixture(t)
	f.pipe(scheduled(0, "JFK", "AA", 10), scheduled(99, "LGA", "AA", 20), scheduled(0, "LGA", "??", 1))
	want := map[string]Delays{
		"American Airlines Inc.": {Flights: 2, Left: 2, Sum: 30},
		"??":                     {Flights: 1, Left: 1, Sum: 1},
	}
	if diff := cmp.Diff(want, f.airlines()); diff != "" {
		t.Error(diff)
	}
}

func TestACancelledFlightCountsAndHasNoDelay(t *testing.T) {
	f := newFixture(t)
	f.pipe(scheduled(0, "JFK", "AA", 10), Flight{Scheduled: newYear, Origin: "JFK", Carrier: "AA"})
	got := f.hours()[hour{"JFK", newYear}]
	if want := (Delays{Flights: 2, Left: 1, Sum: 10}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.cancelled() != 1 || got.average() != 10 {
		t.Errorf("%d cancelled, %v minutes on average", got.cancelled(), got.average())
	}
}

func TestTwoDaysLateCountsAndMoreDoesNot(t *testing.T) {
	const day = 24 * 60
	f := newFixture(t)
	f.pipe(
		scheduled(2*day+59, "JFK", "AA", 1), // the first hour may still be changed
		scheduled(0, "JFK", "AA", 1),
		scheduled(2*day+60, "JFK", "AA", 1), // and now no more
		scheduled(0, "JFK", "AA", 1),
		scheduled(0, "EWR", "AA", 1), // another partition has a time of its own
	)
	hours := f.hours()
	if got := hours[hour{"JFK", newYear}].Flights; got != 1 {
		t.Errorf("%d flights of the first hour, want 1", got)
	}
	if got := hours[hour{"EWR", newYear}].Flights; got != 1 {
		t.Errorf("%d flights of the other airport's first hour, want 1", got)
	}
	if got := f.Dropped("late"); got != 1 {
		t.Errorf("%d late, want 1", got)
	}
	if got := f.airlines()["American Airlines Inc."].Flights; got != 5 {
		t.Errorf("the airline has %d flights, want all 5: its total has no window", got)
	}
}

func TestUndecodableFlightsAreSkippedAndCounted(t *testing.T) {
	f := newFixture(t)
	f.Input(streamtest.RawTopic(f.topics.input.Name())).Pipe([]byte("JFK"), []byte("{"), 0)
	f.pipe(scheduled(0, "JFK", "AA", 1))
	if got := f.Dropped("decode_value"); got != 1 {
		t.Errorf("%d undecodable, want 1", got)
	}
	if got := f.hours()[hour{"JFK", newYear}].Flights; got != 1 {
		t.Errorf("%d flights, want 1", got)
	}
}

func TestACrashTakesNothingBack(t *testing.T) {
	f := newFixture(t)
	f.pipe(scheduled(0, "JFK", "AA", 10))
	f.Restart()
	f.pipe(scheduled(1, "JFK", "AA", 10))
	if got, want := f.hours()[hour{"JFK", newYear}], (Delays{Flights: 2, Left: 2, Sum: 20}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := f.airlines()["American Airlines Inc."].Flights, int64(2); got != want {
		t.Errorf("the airline has %d flights, want %d", got, want)
	}
}

func TestTheEventTimeIsTheScheduledOne(t *testing.T) {
	f := newFixture(t)
	f.pipe(scheduled(90, "JFK", "AA", 10))
	want := record.TimeOf(time.Unix(newYear, 0).Add(90 * time.Minute))
	if got := f.StreamTime(); got != want {
		t.Errorf("stream time is %v, want %v", got, want)
	}
}
