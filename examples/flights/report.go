package main

import (
	"bufio"
	"encoding/json/v2"
	"io"
	"maps"
	"sync"
)

// report is what a worker says of itself: a line of JSON on its standard output.
type report struct {
	State    string         `json:"state,omitzero"`    // changed to this
	Restored *restored      `json:"restored,omitzero"` // a task's state was brought back
	Seen     map[string]int `json:"seen,omitzero"`     // the Seq processed last, by origin
	Counters *counters      `json:"counters,omitzero"` // as of the last commit
}

// restored is one task's restore.
type restored struct {
	Task    string `json:"task"`
	Records int64  `json:"records"` // changelog records replayed
	Micros  int64  `json:"micros"`  // that it took
}

// counters are what the app has counted.
type counters struct {
	Late        int64 `json:"late"`
	Undecodable int64 `json:"undecodable"`
	Dropped     int64 `json:"dropped"`     // for all reasons
	StreamTime  int64 `json:"stream_time"` // milliseconds; -1: none
}

// plus adds what another life of the worker has counted.
func (c counters) plus(o counters) counters {
	return counters{
		Late:        c.Late + o.Late,
		Undecodable: c.Undecodable + o.Undecodable,
		Dropped:     c.Dropped + o.Dropped,
		StreamTime:  max(c.StreamTime, o.StreamTime),
	}
}

// reporter writes reports; several goroutines may.
type reporter struct {
	mu sync.Mutex
	to io.Writer
}

// send drops what cannot be written: then the driver is gone, and standard input says so too.
func (r *reporter) send(of report) {
	line, err := json.Marshal(of)
	if err != nil {
		panic(err) // the type's fault, whatever its values are
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = r.to.Write(append(line, '\n'))
}

// readReports hands on each report until the worker's output ends. A line that is cut off, as a
// kill may leave one, is none.
func readReports(from io.Reader, each func(report)) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		var r report
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			each(r)
		}
	}
}

// sightings is the last flight of each origin that was processed. All tasks write to it.
type sightings struct {
	mu   sync.Mutex
	last map[string]int
}

func newSightings() *sightings { return &sightings{last: map[string]int{}} }

func (s *sightings) note(f Flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[f.Origin] = f.Seq
}

func (s *sightings) copy() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.last)
}
