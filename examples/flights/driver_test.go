package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBeyondIsWhatWasProcessedAndNotCommitted(t *testing.T) {
	// LGA, JFK and EWR are in partitions 0, 1 and 3.
	var flights []Flight
	for i, origin := range []string{"JFK", "LGA", "JFK", "EWR", "JFK", "LGA"} {
		flights = append(flights, Flight{Seq: i + 1, Origin: origin})
	}
	p := placesOf(flights)
	tests := map[string]struct {
		seen      map[string]int
		committed []int64
		want      int64
	}{
		"nothing":             {nil, []int64{0, 0, 0, 0}, 0},
		"two of one origin":   {map[string]int{"JFK": 3}, []int64{0, 0, 0, 0}, 2},
		"one of it committed": {map[string]int{"JFK": 3}, []int64{0, 1, 0, 0}, 1},
		"all origins":         {map[string]int{"JFK": 5, "LGA": 2, "EWR": 4}, []int64{0, 3, 0, 0}, 2},
		// What is committed after the last report is not to be taken from the others.
		"an old report": {map[string]int{"JFK": 1, "LGA": 6}, []int64{1, 3, 0, 1}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := p.beyond(tt.seen, tt.committed); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestKillsAreSpreadOverTheInput(t *testing.T) {
	d := &driver{settings: settings{kills: 3}, flights: make([]Flight, 10)}
	var got []int64
	for ; d.killed < d.kills; d.killed++ {
		got = append(got, d.target())
	}
	if diff := cmp.Diff([]int64{3, 5, 8}, got); diff != "" {
		t.Error(diff)
	}
}

// While a kill is to come the input may not be fed to its end, however far it is committed.
func TestTheInputFlowsUntilTheLastKill(t *testing.T) {
	d := &driver{settings: settings{once: true, kills: 4}, flights: make([]Flight, 1000), committed: make([]int64, partitions)}
	for ; d.killed < d.kills; d.killed++ {
		d.committed[0] = d.target()
		if got := d.limit(); got <= int(d.target()) || got >= len(d.flights) {
			t.Errorf("before kill %d, with %d committed, %d of %d are released", d.killed+1, d.target(), got, len(d.flights))
		}
	}
	if got := d.limit(); got != len(d.flights) {
		t.Errorf("after the last kill %d of %d are released", got, len(d.flights))
	}
}

func TestTheDemoFeedsInItsTime(t *testing.T) {
	d := &driver{settings: settings{pace: time.Hour}, flights: make([]Flight, 1000), began: time.Now().Add(-15 * time.Minute)}
	if got := d.limit(); got < 250 || got > 260 {
		t.Errorf("after a quarter of the time %d of 1000 are released", got)
	}
	d.began = time.Now().Add(-2 * time.Hour)
	if got := d.limit(); got != 1000 {
		t.Errorf("after all of the time %d of 1000 are released", got)
	}
}

func TestReportsCrossThePipeAndCutLinesDoNot(t *testing.T) {
	from, to := io.Pipe()
	sent := []report{
		{State: "running"},
		{Restored: &restored{Task: "0_1", Records: 7, Micros: 1500}},
		{Seen: map[string]int{"JFK": 3}, Counters: &counters{Late: 1, StreamTime: -1}},
	}
	go func() {
		r := &reporter{to: to}
		for _, one := range sent {
			r.send(one)
		}
		_, _ = io.WriteString(to, `{"state":"clos`)
		_ = to.Close()
	}()
	var got []report
	readReports(from, func(r report) { got = append(got, r) })
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Error(diff)
	}
}

func TestFlagsAreChecked(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string // in the error; empty: none
	}{
		"none":            {nil, ""},
		"all":             {strings.Fields("-once -kills 3 -data a -out b -state c -brokers h:1,i:2 -commit 1ms -flush 1s"), ""},
		"unknown":         {[]string{"-twice"}, "-twice"},
		"argument":        {[]string{"once"}, `"once" is not a flag`},
		"negative kills":  {[]string{"-kills", "-1"}, "may not be negative"},
		"no pace":         {[]string{"-pace", "0s"}, "must be positive"},
		"broker, no port": {[]string{"-brokers", "h:1,i"}, `"i"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := parseSettings(tt.args, io.Discard)
			if tt.want == "" && (err != nil || s.commit == 0 || s.flush == 0) {
				t.Errorf("got %+v, %v", s, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var words tail
	for range 3000 {
		_, _ = io.WriteString(&words, "abc ")
	}
	_, _ = io.WriteString(&words, "the end\n")
	if got := words.String(); len(got) > tailBytes || !strings.HasSuffix(got, "the end") {
		t.Errorf("%d bytes, ending with %q", len(got), got[max(len(got)-20, 0):])
	}
}
