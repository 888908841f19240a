package main

import (
	"fmt"
	"time"
)

// snapshot is what a display shows: the run as it is at one moment.
type snapshot struct {
	elapsed   time.Duration
	flights   int
	committed int64
	inFlight  int64
	perSecond float64
	worker    int // its process id
	running   bool
	counters  counters

	latest   []hourRow
	worst    []hourRow
	airlines []airlineRow
	names    names
}

// display shows a run while it goes on.
type display interface {
	// title is what is known before the run, a line each time.
	title(line string)
	// show is called all the time; the display asks for a snapshot when it wants to draw one.
	show(snap func() snapshot)
	// note is an event that must not be missed.
	note(event string)
	// close leaves the terminal as it was, below what was shown last.
	close(snap func() snapshot)
}

// The sizes of the tables.
const (
	latestRows  = 3
	worstRows   = 4
	airlineRows = 3
)

func (d *driver) snapshot() snapshot {
	return snapshot{
		elapsed: time.Since(d.began), flights: len(d.flights),
		committed: d.sum(), inFlight: d.inFlight(), perSecond: d.speed.perSecond(),
		worker: d.worker.cmd.Process.Pid, running: d.running, counters: d.counters(),
		latest: d.results.latest(latestRows), worst: d.results.worst(worstRows),
		airlines: d.results.worstAirlines(airlineRows), names: d.names,
	}
}

// streamTime is the event time that the app has reached.
func (s snapshot) streamTime() string {
	if s.counters.StreamTime < 0 {
		return "none yet"
	}
	return time.UnixMilli(s.counters.StreamTime).UTC().Format("2006-01-02 15:04")
}

// dropped says what was left out, by reason.
func (c counters) dropped() string {
	return fmt.Sprintf("late %d, undecodable %d, dropped in all %d", c.Late, c.Undecodable, c.Dropped)
}
