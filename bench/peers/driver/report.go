package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// show prints what a results file says, and with a directory writes the report on what was run into it. What is not the
// full set has its name in the file's.
func show(path, dir, ran string) error {
	r, err := load(path)
	if err != nil {
		return err
	}
	var tables strings.Builder
	r.summarise(&tables)
	tables.WriteByte('\n')
	r.compare(&tables)
	fmt.Println(tables.String())
	if dir == "" {
		return nil
	}
	m, err := thisMachine()
	if err != nil {
		return err
	}
	name := r.day() + "-" + m.slug()
	if ran != "full" {
		name += "-" + ran
	}
	name = filepath.Join(dir, name+".md")
	var text strings.Builder
	r.report(&text, m, ran)
	if err := os.WriteFile(name, []byte(text.String()), 0o644); err != nil {
		return err
	}
	fmt.Printf("written: %s\n", name)
	return nil
}

// compare writes the goals and what was reached of each.
func (r *results) compare(w *strings.Builder) {
	fmt.Fprintln(w, "| work | scenario | pitwheel | better Kafka Streams | bare client | ratio | warm | at least | aim | reached | client's share |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|")
	for _, g := range goals {
		o := r.settle(g)
		peer := o.figure(o.peer)
		if o.peerName == tuned {
			peer += " (tuned)"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", o.work, o.ran, o.figure(o.ours), peer, o.figure(o.bare),
			o.comparison(o.ratio), o.comparison(o.warm), o.bound(o.least), o.aimed(), o.reached(), percent(o.share()))
	}
}

func (o *outcome) figure(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(o.unit.format, v/o.unit.of)
}

func (o *outcome) comparison(v float64) string {
	switch {
	case v == 0 || o.how == within:
		return "-"
	case o.how == times:
		return fmt.Sprintf("%.1fx", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func (o *outcome) bound(v float64) string {
	switch {
	case v == 0:
		return "-"
	case o.how == times:
		return fmt.Sprintf("%gx", v)
	case o.how == toAlos:
		return fmt.Sprint(v)
	case o.how == within:
		return "<= " + o.figure(v)
	}
	return fmt.Sprintf("<= %g", v)
}

func (o *outcome) aimed() string {
	if o.aimFloor > 0 {
		return fmt.Sprintf("%g of the bare client", o.aimFloor)
	}
	return o.bound(o.aim)
}

func percent(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", v*100)
}

// report writes the page.
func (r *results) report(w *strings.Builder, m machine, ran string) {
	runs, disturbed := 0, 0
	for _, g := range r.groups {
		for _, l := range g {
			runs++
			if l.disturbed() {
				disturbed++
			}
		}
	}
	fmt.Fprintf(w, `# Beside Kafka Streams, %s

Made by %smake bench-peers SET=%s%s; what is run and how is in [bench/peers](../../bench/peers/README.md).

- The machine: %s.
- Versions: %s.
- %d runs, of which %d were disturbed: other processes had more than %.0f %% of the CPU time used meanwhile. Disturbed runs count
  only where a system has no others in a scenario.

Figures are medians. Systems share the machine, the broker and the data, and took turns. Rates are input records per CPU-second of
the system's process, the whole run with its start; *warm* leaves out the first half of the records. *The client's share* is the
bare client's cost for a record as a part of pitwheel's for the same work.

## The goals

`, r.day(), "`", ran, "`", m, r.versions(), runs, disturbed, disturbedAbove*100)
	r.compare(w)
	fmt.Fprint(w, "\n## All of it\n\nIn brackets the least and the most of several runs.\n\n")
	r.summarise(w)
}

// day is the date of the last run.
func (r *results) day() string {
	last := ""
	for _, g := range r.groups {
		for _, l := range g {
			last = max(last, l.text("at"))
		}
	}
	day, _, _ := strings.Cut(last, "T")
	return day
}

// versions are those of the systems, as they say, and pitwheel's commit.
func (r *results) versions() string {
	var parts []string
	for _, system := range []string{floor, streams} {
		for _, k := range r.order {
			if k.system == system {
				parts = append(parts, system+" "+r.groups[k][0].text("version"))
				break
			}
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		parts = append(parts, info.GoVersion)
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				parts = append(parts, "pitwheel at "+s.Value[:min(12, len(s.Value))])
			}
		}
	}
	return strings.Join(parts, ", ")
}
