package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// of makes a line of a results file.
func of(scenario, system string, fields string) string {
	return fmt.Sprintf(`{"scenario":%q,"system":%q,"at":"2026-11-24T10:00:00Z","ok":true,"proc_cpu_s":10,"broker_cpu_s":1,"other_cpu_s":0,%s}`,
		scenario, system, fields)
}

func mustRead(t *testing.T, lines ...string) *results {
	t.Helper()
	r, err := read(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rates(v, warm int) string {
	return fmt.Sprintf(`"rec_per_cpu_s":%d,"warm_rec_per_cpu_s":%d`, v, warm)
}

func goalOf(t *testing.T, scenario string, h how) goal {
	t.Helper()
	for _, g := range goals {
		if g.scenario == scenario && g.how == h {
			return g
		}
	}
	t.Fatalf("no goal for %s", scenario)
	return goal{}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		give []float64
		want float64
	}{{[]float64{7}, 7}, {[]float64{1, 2}, 1.5}, {[]float64{1, 2, 30}, 2}, {[]float64{1, 2, 4, 30}, 3}} {
		if got := median(tt.give); got != tt.want {
			t.Errorf("median of %v is %v, want %v", tt.give, got, tt.want)
		}
	}
}

// TestDisturbedRunsCountOnlyForWantOfOthers: others had 3 of the 15 CPU-seconds of the third run.
func TestDisturbedRunsCountOnlyForWantOfOthers(t *testing.T) {
	quiet := func(v int) string { return of("count-1k-eos", ours, rates(v, v)) }
	loud := func(v int) string { return strings.Replace(quiet(v), `"other_cpu_s":0`, `"other_cpu_s":3`, 1) }
	if got, _ := mustRead(t, quiet(100), quiet(300), loud(9000)).median("count-1k-eos", ours, rate); got != 200 {
		t.Errorf("beside undisturbed runs: %v, want 200", got)
	}
	if got, _ := mustRead(t, loud(100), loud(300), loud(400)).median("count-1k-eos", ours, rate); got != 300 {
		t.Errorf("all disturbed: %v, want 300", got)
	}
	if _, ok := mustRead(t, quiet(1)).median("count-1k-eos", floor, rate); ok {
		t.Error("a system that did not run has a median")
	}
}

// TestRatiosAreOfTheBetterKafkaStreams, which may be the one for the whole run and the other when warm.
func TestRatiosAreOfTheBetterKafkaStreams(t *testing.T) {
	r := mustRead(t,
		of("count-1k-eos", floor, rates(4000, 4000)), of("count-1k-eos", streams, rates(400, 700)),
		of("count-1k-eos", tuned, rates(500, 600)), of("count-1k-eos", ours, rates(2000, 2800)),
		of("count-1k-alos", ours, rates(2500, 2800)))
	o := r.settle(goalOf(t, "count-1k-eos", times))
	if o.peerName != tuned || !near(o.ratio, 4) || !near(o.warm, 4) || !near(o.share(), 0.5) || o.reached() != "yes" {
		t.Errorf("got %s, ratio %v, warm %v, share %v, %s; want %s, 4, 4, 0.5, yes", o.peerName, o.ratio, o.warm, o.share(), o.reached(), tuned)
	}
	o = r.settle(goalOf(t, "count-1k-eos", toAlos))
	if !near(o.ratio, 0.8) || !near(o.warm, 1) || o.reached() != "no" {
		t.Errorf("exactly-once to at-least-once: %v, warm %v, %s; want 0.8, 1, no", o.ratio, o.warm, o.reached())
	}
}

func TestVerdicts(t *testing.T) {
	rss := func(v int) string { return fmt.Sprintf(`"peak_rss_bytes":%d`, v) }
	lat := func(v float64) string { return fmt.Sprintf(`"latency":{"p50_ms":%v,"p99_ms":%v}`, v, v) }
	tests := []struct {
		name     string
		scenario string
		how      how
		lines    []string
		want     string
	}{
		{"ratio below", "count-1m-eos", times, []string{of("count-1m-eos", streams, rates(10, 10)), of("count-1m-eos", ours, rates(49, 49))}, "no"},
		{"ratio at the bound", "count-1m-eos", times, []string{of("count-1m-eos", streams, rates(10, 10)), of("count-1m-eos", ours, rates(50, 50))}, "yes"},
		{"ratio at the aim", "count-1m-eos", times, []string{of("count-1m-eos", streams, rates(10, 10)), of("count-1m-eos", ours, rates(80, 80))}, "aim"},
		{"no peer", "count-1m-eos", times, []string{of("count-1m-eos", ours, rates(80, 80))}, "-"},
		{"memory above", "count-1m-alos", atMost, []string{of("count-1m-alos", tuned, rss(1000)), of("count-1m-alos", ours, rss(301))}, "no"},
		{"memory below", "count-1m-alos", atMost, []string{of("count-1m-alos", tuned, rss(1000)), of("count-1m-alos", ours, rss(300))}, "yes"},
		{"the smaller of two memories", "count-1m-alos", atMost, []string{of("count-1m-alos", streams, rss(500)), of("count-1m-alos", tuned, rss(1000)), of("count-1m-alos", ours, rss(200))}, "no"},
		{"latency above", "latency-eos-adaptive", within, []string{of("latency-eos-adaptive", ours, lat(15.1))}, "no"},
		{"latency below", "latency-eos-adaptive", within, []string{of("latency-eos-adaptive", ours, lat(8))}, "aim"},
		{"no worse", "latency-eos", atMost, []string{of("latency-eos", streams, lat(58)), of("latency-eos", ours, lat(58))}, "yes"},
		{"worse", "latency-eos", atMost, []string{of("latency-eos", streams, lat(58)), of("latency-eos", ours, lat(59))}, "no"},
		{"near the bare client", "passthrough-eos", times, []string{of("passthrough-eos", floor, rates(1000, 1)), of("passthrough-eos", tuned, rates(300, 1)), of("passthrough-eos", ours, rates(850, 1))}, "aim"},
		{"far from it", "passthrough-eos", times, []string{of("passthrough-eos", floor, rates(1000, 1)), of("passthrough-eos", tuned, rates(300, 1)), of("passthrough-eos", ours, rates(849, 1))}, "yes"},
		{"the quick set's", "restore-5m", times, []string{of("restore-1m", tuned, rates(10, 1)), of("restore-1m", ours, rates(50, 1))}, "aim"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := mustRead(t, tt.lines...).settle(goalOf(t, tt.scenario, tt.how))
			if got := o.reached(); got != tt.want {
				t.Errorf("%s, want %s (%+v)", got, tt.want, o)
			}
		})
	}
}

// TestReportHasEveryGoal, and says of a wrong output that it is.
func TestReportHasEveryGoal(t *testing.T) {
	r := mustRead(t, of("count-1k-eos", tuned, rates(500_000, 1)), strings.Replace(of("count-1k-eos", ours, rates(2_000_000, 1)), `"ok":true`, `"ok":false`, 1))
	var page strings.Builder
	r.report(&page, machine{cores: 2, model: "M"}, "quick")
	for _, g := range goals {
		if !strings.Contains(page.String(), "| "+g.work+" | ") {
			t.Errorf("the goal %q is missing", g.work)
		}
	}
	for _, want := range []string{"2026-11-24", "| 2000 K | 500 K (tuned) | - | 4.0x |", "| NO |", "2 cores"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("%q is missing in\n%s", want, page.String())
		}
	}
}

// TestScenariosOfGoalsAndSetsExist, and every goal's is in the full set.
func TestScenariosOfGoalsAndSetsExist(t *testing.T) {
	for name := range sets {
		if _, err := choose(name); err != nil {
			t.Errorf("set %s: %v", name, err)
		}
	}
	full := strings.Join(sets["full"], " ") + " "
	for _, g := range goals {
		for _, s := range []string{g.scenario, g.alos} {
			if s != "" && !strings.Contains(full, s+" ") {
				t.Errorf("goal %q: %s is not in the full set", g.work, s)
			}
		}
		if g.small != "" && position(g.small) < 0 {
			t.Errorf("goal %q: there is no %s", g.work, g.small)
		}
	}
	if _, err := choose("nothing"); err == nil {
		t.Error("an unknown scenario is taken")
	}
}

func TestMachineHasNoName(t *testing.T) {
	const cpu = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.80GHz\ncache size\t: 33792 KB\nflags\t\t: fpu hypervisor\n"
	m := describe(cpu, "MemTotal:       16384000 kB\n", "6.18.44-some-provider\n")
	m.cores = 2
	if got, want := m.slug(), "2-core-intel-xeon-2.80ghz"; got != want {
		t.Errorf("slug %s, want %s", got, want)
	}
	const want = "a virtual machine with 2 cores (Intel(R) Xeon(R) CPU @ 2.80GHz, cache 33792 KB) and 16 GiB of memory, Linux 6.18"
	if got := m.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
