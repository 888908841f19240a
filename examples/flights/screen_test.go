package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func someSnapshot(t *testing.T) snapshot {
	t.Helper()
	n, err := readNames()
	if err != nil {
		t.Fatal(err)
	}
	return snapshot{
		elapsed: 8300 * time.Millisecond, flights: 80788, committed: 40487, inFlight: 278, perSecond: 5003.4,
		worker: 4711, running: true,
		counters: counters{Late: 1, Undecodable: 2, Dropped: 3, StreamTime: 1361133000000},
		latest: []hourRow{
			{hour{"JFK", 1361127600}, Delays{Flights: 6, Left: 6, Sum: -14}},
			{hour{"???", 1361127600}, Delays{Flights: 1}},
		},
		worst:    []hourRow{{hour{"EWR", 1360418400}, Delays{Flights: 12, Left: 2, Sum: 532}}},
		airlines: []airlineRow{{"ExpressJet Airlines Inc.", Delays{Flights: 6270, Left: 5888, Sum: 131302}}},
		names:    n,
	}
}

func someScreen(to *bytes.Buffer, colour bool) *screen {
	s := newScreen(to, colour)
	s.title("Kafka is IN MEMORY")
	s.title("commit every 100ms")
	s.note("kill 1 of 1: SIGKILL at 40487 of 80788 committed, 278 processed beyond that")
	s.note("restart 1: 773 changelog records replayed in 121 ms, running again after 245 ms")
	return s
}

func TestAFrameIsAsDrawnBefore(t *testing.T) {
	const golden = "testdata/screen.golden"
	got := someScreen(&bytes.Buffer{}, false).render(someSnapshot(t))
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestAFrameFitsEveryTerminal(t *testing.T) {
	s := someScreen(&bytes.Buffer{}, true)
	for range 10 {
		s.note(strings.Repeat("wide and coloured ü ", 10))
	}
	snap := someSnapshot(t)
	for range 10 {
		snap.latest = append(snap.latest, snap.latest[0])
		snap.worst = append(snap.worst, snap.worst[0])
		snap.airlines = append(snap.airlines, airlineRow{name: strings.Repeat("x", 100)})
	}
	frame := s.render(snap)
	if lines := strings.Count(frame, "\n"); lines > 23 {
		t.Errorf("a frame has %d lines", lines)
	}
	for line := range strings.Lines(frame) {
		plain := strings.TrimSuffix(line, "\n")
		for _, code := range []string{bold, red, green, yellow, "0"} {
			plain = strings.ReplaceAll(plain, "\x1b["+code+"m", "")
		}
		if n := utf8.RuneCountInString(plain); n > screenColumns {
			t.Errorf("a line has %d columns: %q", n, line)
		}
		if strings.Contains(plain, "\x1b") || strings.Contains(line, "\x1b[31") && !strings.HasSuffix(line, "\x1b[0m\n") {
			t.Errorf("a colour is not ended: %q", line)
		}
	}
}

func TestAFrameIsDrawnOverTheOneBefore(t *testing.T) {
	var out bytes.Buffer
	s := someScreen(&out, false)
	out.Reset()
	s.show(func() snapshot { return someSnapshot(t) })
	drawn := out.String()
	if !strings.HasPrefix(drawn, toTop) || !strings.HasSuffix(drawn, clearBelow) || strings.Contains(drawn, clearScreen) {
		t.Errorf("got %q", drawn)
	}
	out.Reset()
	s.show(func() snapshot { return someSnapshot(t) })
	if out.Len() > 0 {
		t.Error("the next frame was drawn at once")
	}
	s.close(func() snapshot { return someSnapshot(t) })
	if !strings.HasSuffix(out.String(), showCursor) {
		t.Error("the cursor stays hidden")
	}
}

func TestAStartingWorkerIsShown(t *testing.T) {
	snap := someSnapshot(t)
	snap.running, snap.counters.StreamTime = false, -1
	frame := someScreen(&bytes.Buffer{}, false).render(snap)
	for _, want := range []string{"worker 4711 starts", "stream time none yet"} {
		if !strings.Contains(frame, want) {
			t.Errorf("%q is not in\n%s", want, frame)
		}
	}
}
