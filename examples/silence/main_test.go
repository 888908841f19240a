package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/pitwheel/pitwheel/record"
)

// expected is what the command prints, found without pitwheel: each silence in the data, and whether a
// station that reports before it in the same hour let it be seen.
func expected(reported []record.Record[string, Reading]) (lines []string, incomplete int) {
	last, silent := map[string]record.Time{}, map[string]bool{}
	now := record.Time(-1)
	for _, r := range reported {
		if r.Value().PressureMb == nil {
			incomplete++
		}
		show := func(format string, args ...any) {
			at := strings.Replace(r.Time().Time().Format("2006-01-02T15:04:05"), "T", " ", 1)
			lines = append(lines, at+"  "+fmt.Sprintf(format, args...))
		}
		if before, ok := last[r.Key()]; ok && r.Time()-before > 90*60_000 {
			show("%s reports again, after %dh0m0s", r.Key(), (r.Time()-before)/3_600_000)
		}
		last[r.Key()], silent[r.Key()] = r.Time(), false
		if r.Time() == now {
			continue // the timer has fired for this hour
		}
		now = r.Time()
		for _, station := range []string{"EWR", "JFK", "LGA"} {
			if since, ok := last[station]; ok && !silent[station] && now-since > 90*60_000 {
				silent[station] = true
				show("%s is silent since %s", station, since.Time().Format("2006-01-02 15:04:05"))
			}
		}
	}
	return lines, incomplete
}

func TestTheCommandTellsEverySilence(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), "", &out); err != nil {
		t.Fatal(err)
	}
	reported, err := weather()
	if err != nil {
		t.Fatal(err)
	}
	lines, incomplete := expected(reported)
	want := fmt.Sprintf("Kafka is IN MEMORY, inside this process (kfake): nothing outlives it\n%d readings\n%s\n%d readings are incomplete\n",
		len(reported), strings.Join(lines, "\n"), incomplete)
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if again := strings.Count(want, "reports again"); again != 11 || len(lines) < 15 {
		t.Errorf("the data has %d silences and %d alerts", again, len(lines))
	}
}

func TestNoBrokerIsAnErrorThatNamesIt(t *testing.T) {
	// Nothing listens on port 1.
	err := run(t.Context(), "127.0.0.1:1", &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}
