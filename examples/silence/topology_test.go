package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/streamtest"
)

// hour is the time h hours after the beginning.
func hour(h float64) record.Time { return record.Time(h * float64(time.Hour/time.Millisecond)) }

func fine() Reading {
	n := 1.0
	return Reading{TempF: &n, WindMph: &n, PressureMb: &n}
}

func newDriver(t *testing.T) *streamtest.Driver {
	t.Helper()
	plan, err := watchStations()
	if err != nil {
		t.Fatal(err)
	}
	return streamtest.New(t, plan)
}

// TestASilentStationIsToldOnce: it is seen by what another one reports, and told again only after it
// has reported.
func TestASilentStationIsToldOnce(t *testing.T) {
	d := newDriver(t)
	in := d.Input(readings)
	in.Pipe("EWR", fine(), hour(0))
	for h := 0.0; h < 5; h += 0.5 {
		in.Pipe("JFK", fine(), hour(h))
	}
	in.Pipe("EWR", fine(), hour(5))
	in.Pipe("JFK", fine(), hour(7)) // EWR is silent once more, and JFK itself was
	want := []record.Record[string, Alert]{
		record.New("EWR", Alert{Silent: true, Since: hour(0)}, hour(2)),
		record.New("EWR", Alert{Since: hour(0)}, hour(5)),
		record.New("JFK", Alert{Since: hour(4.5)}, hour(7)),
		record.New("EWR", Alert{Silent: true, Since: hour(5)}, hour(7)),
	}
	if diff := cmp.Diff(want, d.Output(alerts).All()); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

func TestALateReadingSaysNothing(t *testing.T) {
	d := newDriver(t)
	in := d.Input(readings)
	in.Pipe("EWR", fine(), hour(3))
	in.Pipe("EWR", fine(), hour(1))
	in.Pipe("EWR", fine(), hour(4))
	if got := d.Output(alerts).All(); len(got) > 0 {
		t.Errorf("alerts %v", got)
	}
}

// TestSilenceOutlivesARestart: what is known of the stations is in the store, and the timer is set again.
func TestSilenceOutlivesARestart(t *testing.T) {
	d := newDriver(t)
	in := d.Input(readings)
	in.Pipe("EWR", fine(), hour(0))
	in.Pipe("JFK", fine(), hour(1))
	d.Restart()
	in.Pipe("JFK", fine(), hour(2))
	d.Restart()
	in.Pipe("JFK", fine(), hour(3))
	want := []record.Record[string, Alert]{record.New("EWR", Alert{Silent: true, Since: hour(0)}, hour(2))}
	if diff := cmp.Diff(want, d.Output(alerts).All()); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

func TestIncompleteReadingsAreSetAside(t *testing.T) {
	d := newDriver(t)
	in := d.Input(readings)
	in.Pipe("EWR", fine(), hour(0))
	in.Pipe("EWR", Reading{}, hour(1))
	in.Tombstone("EWR", hour(2))
	want := []record.Record[string, Reading]{
		record.New("EWR", Reading{}, hour(1)), record.New("EWR", Reading{}, hour(2)).AsTombstone(),
	}
	if diff := cmp.Diff(want, d.Output(incomplete).All()); diff != "" {
		t.Errorf("set aside (-want +got):\n%s", diff)
	}
}
