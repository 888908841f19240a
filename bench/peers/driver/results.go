package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// line is one run: a line of a results file.
type line map[string]any

// results are the runs of a file, by scenario and system.
type results struct {
	groups map[group][]line
	order  []group // as the scenarios stand, and then as they were run
}

type group struct{ scenario, system string }

func load(path string) (*results, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := read(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func read(from io.Reader) (*results, error) {
	r := &results{groups: map[group][]line{}}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		g := group{l.text("scenario"), l.text("system")}
		if r.groups[g] == nil {
			r.order = append(r.order, g)
		}
		r.groups[g] = append(r.groups[g], l)
	}
	slices.SortStableFunc(r.order, func(a, b group) int { return position(a.scenario) - position(b.scenario) })
	return r, lines.Err()
}

// median is the middle of a figure's values over the runs that nothing disturbed; false where there is none.
func (r *results) median(scenario, system, field string) (float64, bool) {
	kept, _ := undisturbed(r.groups[group{scenario, system}])
	v := column(kept, field)
	if len(v) == 0 {
		return 0, false
	}
	return median(v), true
}

// disturbedAbove is the share of the CPU time used during a run that other processes may have had.
const disturbedAbove = 0.05

// disturbed says that something else ran beside the run.
func (l line) disturbed() bool {
	other, _ := l.number("other_cpu_s")
	used, _ := l.number("proc_cpu_s")
	killed, _ := l.number("killed_cpu_s")
	broker, _ := l.number("broker_cpu_s")
	return other > disturbedAbove*(other+used+killed+broker)
}

// undisturbed leaves out the runs that something else disturbed, unless there are no others. runs is for the table: how
// many are left, and how many were left out or, with "all", are used for want of better ones.
func undisturbed(g []line) (kept []line, runs string) {
	for _, l := range g {
		if !l.disturbed() {
			kept = append(kept, l)
		}
	}
	switch {
	case len(kept) == len(g):
		return g, fmt.Sprint(len(g))
	case len(kept) == 0:
		return g, fmt.Sprintf("%d, all disturbed", len(g))
	}
	return kept, fmt.Sprintf("%d, without %d disturbed", len(kept), len(g)-len(kept))
}

func (l line) text(field string) string {
	s, _ := l[field].(string)
	return s
}

// number is a figure; "latency.p50_ms" is one of those below latency.
func (l line) number(field string) (float64, bool) {
	if above, below, ok := strings.Cut(field, "."); ok {
		inner, _ := l[above].(map[string]any)
		return line(inner).number(below)
	}
	f, ok := l[field].(float64)
	return f, ok
}

// column is a figure's values in order, of the runs that have it.
func column(g []line, field string) []float64 {
	var v []float64
	for _, l := range g {
		if f, ok := l.number(field); ok {
			v = append(v, f)
		}
	}
	slices.Sort(v)
	return v
}

// median of values in order, of which there is one at least.
func median(v []float64) float64 {
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// right says whether all outputs were.
func right(g []line) string {
	answer := "-"
	for _, l := range g {
		switch l["ok"] {
		case true:
			answer = "yes"
		case false:
			return "NO"
		}
	}
	return answer
}
