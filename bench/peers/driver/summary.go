package main

import (
	"fmt"
	"slices"
	"strings"
)

// summarise writes one row per scenario and system: the median of its runs, and in brackets the range where there are
// several.
func (r *results) summarise(w *strings.Builder) {
	fmt.Fprintln(w, "| scenario | system | runs | rec/CPU-s | warm rec/CPU-s | rec/s | warm rec/s | peak RSS MB | broker CPU-us/rec | changelog/rec | right | further |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, k := range r.order {
		all := r.groups[k]
		g, runs := undisturbed(all)
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", k.scenario, k.system, runs,
			spread(g, "rec_per_cpu_s", 1e3, "K"), spread(g, "warm_rec_per_cpu_s", 1e3, "K"), spread(g, "rec_per_s", 1e3, "K"),
			spread(g, "warm_rec_per_s", 1e3, "K"), spread(g, "peak_rss_bytes", 1<<20, ""), perRecord(g, "broker_cpu_s", 1e6),
			perRecord(g, "internal_offsets", 1), right(all), further(k.scenario, g))
	}
}

func spread(g []line, field string, unit float64, suffix string) string {
	v := column(g, field)
	if len(v) == 0 {
		return "-"
	}
	s := fmt.Sprintf("%.0f%s", median(v)/unit, suffix)
	if len(v) > 1 {
		s += fmt.Sprintf(" (%.0f-%.0f)", v[0]/unit, v[len(v)-1]/unit)
	}
	return s
}

func perRecord(g []line, field string, unit float64) string {
	var v []float64
	for _, l := range g {
		if _, killed := l["killed_at"]; killed {
			continue // the records are the second process's alone
		}
		used, ok1 := l.number(field)
		n, ok2 := l.number("records")
		if ok1 && ok2 && n > 0 && used > 0 {
			v = append(v, used/n*unit)
		}
	}
	if len(v) == 0 {
		return "-"
	}
	slices.Sort(v)
	return fmt.Sprintf("%.2f", median(v))
}

// figureOf is a figure that only some kinds of scenario have.
type figureOf struct {
	label, field string
	unit         float64
	format       string
}

var furtherFigures = map[kind][]figureOf{
	latency: {
		{"p50", "latency.p50_ms", 1, "%.1f ms"}, {"p99", "latency.p99_ms", 1, "%.1f ms"}, {"p999", "latency.p999_ms", 1, "%.1f ms"},
		{"max", "latency.max_ms", 1, "%.1f ms"}, {"CPU", "cpu_s", 1, "%.1f s"},
	},
	restore: {
		{"restored", "restore_records", 1e6, "%.2fM"}, {"restore", "restore_s", 1, "%.1f s"},
		{"start to ready", "start_to_ready_s", 1, "%.1f s"}, {"CPU", "cpu_s", 1, "%.1f s"}, {"state", "state_bytes", 1 << 20, "%.0f MB"},
	},
	kill: {
		{"killed at", "killed_at", 1e6, "%.2fM"}, {"state", "killed_state_bytes", 1 << 20, "%.0f MB"}, {"ready", "ready_s", 1, "%.1f s"},
		{"first commit", "restart_first_commit_s", 1, "%.1f s"}, {"restored", "restore_records", 1e6, "%.2fM"},
		{"restore", "restore_s", 1, "%.1f s"},
	},
}

func further(scenario string, g []line) string {
	at := position(scenario)
	if at < 0 {
		return ""
	}
	var parts []string
	for _, f := range furtherFigures[scenarios[at].kind] {
		if v := column(g, f.field); len(v) > 0 && v[len(v)-1] > 0 {
			parts = append(parts, f.label+" "+fmt.Sprintf(f.format, median(v)/f.unit))
		}
	}
	return strings.Join(parts, ", ")
}
