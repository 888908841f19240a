package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// report prints what happened, and where something is wrong all that helps to find why.
func (s *soak) report(err error) {
	if s.account == nil {
		return
	}
	c := s.account.Counts()
	line := func(what, format string, args ...any) {
		fmt.Printf("  %-22s %s\n", what, fmt.Sprintf(format, args...))
	}
	fmt.Println()
	line("seed", "%d", s.seed)
	line("took", "%v, of which %v under faults", time.Since(s.began).Round(time.Second), s.loaded.Round(time.Second))
	line("events", "%d (%.0f/s under faults)", c.Events, float64(s.sent)/max(s.loaded.Seconds(), 1))
	line("results checked", "%d", c.Outputs())
	line("instances", "%d starts, %d kills, %d stops in good order, %d ended by themselves as expected", s.fleet.starts, s.fleet.kills, s.fleet.stops, s.fleet.ends)
	for _, f := range s.faults {
		line("fault "+f.name, "%d", s.done[f.name])
	}
	line("longest standstill", "%v of a partition", s.watch.worst.Round(10*time.Millisecond))
	for name, before := range s.calm.before {
		after := s.calm.after[name]
		line(name, "goroutines %d -> %d, resident %d -> %d MB, tasks %d -> %d", before.Goroutines, after.Goroutines, before.RSS>>20, after.RSS>>20, before.Tasks, after.Tasks)
	}
	line("lost", "%d", c.Lost)
	line("doubled", "%d", c.Doubled)
	line("wrong", "%d", c.Wrong)
	if err != nil {
		s.explain()
	}
}

// explain says what is known of a broken promise.
func (s *soak) explain() {
	fmt.Printf("\nIt failed. Again with: -seed %d\n", s.seed)
	for _, d := range s.account.Found() {
		fmt.Println("  " + d.String())
	}
	if missing := s.account.Missing(); missing.Outputs() > 0 {
		fmt.Printf("  not seen yet: %d chains, %d tallies, %d updates, %d closed windows\n", missing.Chains, missing.Tallies, missing.Updates, missing.Closed)
	}
	fmt.Println("The last faults:")
	for _, h := range s.past[max(0, len(s.past)-12):] {
		fmt.Printf("  %8.1fs %-14s %s\n", h.at.Sub(s.began).Seconds(), h.name, h.did)
	}
	var logs []string
	for _, i := range s.fleet.slots {
		logs = append(logs, i.log)
	}
	slices.Sort(logs)
	fmt.Println("The instances' logs:\n  " + strings.Join(logs, "\n  "))
}
