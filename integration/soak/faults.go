package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// fault is one kind of harm. begin does it, and says how it is undone and when; it may find that it is
// not possible now.
type fault struct {
	name  string
	about string
	on    string // where it is possible alone: kfake, real; empty: on both
	begin func(s *soak) (done outcome, err error)
}

// outcome is what became of a fault.
type outcome struct {
	did   string        // to what; empty: it was not possible now
	lasts time.Duration // until end is due
	end   func() error  // nil: there is nothing to undo
}

// allFaults are in the order in which -list shows them.
var allFaults = slices.Concat(instanceFaults, stateFaults, kafkaFaults, netFaults)

// chooseFaults reads -faults.
func chooseFaults(names, kafka string) ([]fault, error) {
	want, not := map[string]bool{}, map[string]bool{}
	for name := range strings.SplitSeq(names, ",") {
		left, out := strings.CutPrefix(strings.TrimSpace(name), "-")
		if left != "all" && left != "none" && !slices.ContainsFunc(allFaults, func(f fault) bool { return f.name == left }) {
			return nil, fmt.Errorf("-faults has %q, which is none: see -list", left)
		}
		if out {
			not[left] = true
		} else {
			want[left] = true
		}
	}
	var chosen []fault
	for _, f := range allFaults {
		all := want["all"] || len(want) == 0
		if (all || want[f.name]) && !not[f.name] && (f.on == "" || f.on == kafka) {
			chosen = append(chosen, f)
		}
	}
	return chosen, nil
}

func namesOf(faults []fault) (names []string) {
	for _, f := range faults {
		names = append(names, f.name)
	}
	return names
}

// happened is a fault of the past.
type happened struct {
	at   time.Time
	name string
	did  string
}

// later is what is due at a time.
type later struct {
	at time.Time
	do func() error
}

// after has something done by the main goroutine, after d.
func (s *soak) after(d time.Duration, do func() error) {
	s.laters = append(s.laters, later{time.Now().Add(d), do})
}

// due does what is due.
func (s *soak) due(now time.Time) error {
	var ready []later
	s.laters = slices.DeleteFunc(s.laters, func(l later) bool {
		if l.at.After(now) {
			return false
		}
		ready = append(ready, l)
		return true
	})
	for _, l := range ready {
		if err := l.do(); err != nil {
			return err
		}
	}
	return nil
}

// harm begins a fault: all kinds in turn, in an order that is drawn anew for each turn, so that none is
// missing and none stands always behind the same one.
func (s *soak) harm() error {
	for range 2 * len(s.faults) {
		if len(s.turn) == 0 {
			s.turn = slices.Clone(s.faults)
			s.rand.Shuffle(len(s.turn), func(i, j int) { s.turn[i], s.turn[j] = s.turn[j], s.turn[i] })
		}
		f := s.turn[0]
		s.turn = s.turn[1:]
		done, err := f.begin(s)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if done.did == "" {
			continue
		}
		s.note(f.name, done.did)
		if done.end != nil {
			s.after(done.lasts, done.end)
		}
		s.watch.until(time.Now().Add(done.lasts))
		return nil
	}
	return nil // all are busy
}

func (s *soak) note(name, did string) {
	s.done[name]++
	s.past = append(s.past, happened{time.Now(), name, did})
	if s.verbose {
		fmt.Printf("%8.1fs %-14s %s\n", time.Since(s.began).Seconds(), name, did)
	}
}

// pick is any of the instances that are up; nil: none.
func (s *soak) pick() *slot {
	up := s.fleet.up()
	if len(up) == 0 {
		return nil
	}
	return up[s.rand.IntN(len(up))]
}

// between is a time in [from, to).
func (s *soak) between(from, to time.Duration) time.Duration {
	return from + time.Duration(s.rand.Int64N(int64(to-from)))
}
