package main

// how says what a goal compares.
type how int

const (
	times  how = iota // ours divided by the better Kafka Streams': at least
	atMost            // the same: at most
	within            // ours alone, in its unit: at most
	toAlos            // ours divided by our own under at-least-once: at least
)

// goal is a row of the table of goals.
type goal struct {
	work     string
	scenario string
	small    string // the scenario of the quick set that stands for it; empty: the same
	field    string
	warm     string // the field of the warm figure; empty: none
	unit     unit
	how      how
	alos     string // toAlos: the scenario under at-least-once
	least    float64
	aim      float64
	aimFloor float64 // instead of aim: ours divided by the bare client's
}

// unit is how a figure is written.
type unit struct {
	of     float64
	format string
}

var (
	perCPU       = unit{1e3, "%.0f K"}
	milliseconds = unit{1, "%.1f ms"}
	seconds      = unit{1, "%.1f s"}
	megabytes    = unit{1 << 20, "%.0f MB"}
)

const (
	rate     = "rec_per_cpu_s"
	warmRate = "warm_rec_per_cpu_s"
)

func perCPUGoal(work, scenario string, least, aim float64) goal {
	return goal{work: work, scenario: scenario, field: rate, warm: warmRate, unit: perCPU, how: times, least: least, aim: aim}
}

func statelessGoal(work, scenario string) goal {
	g := perCPUGoal(work, scenario, 2.5, 0)
	g.aimFloor = 0.85
	return g
}

func guaranteeGoal(work, eos, alos string) goal {
	g := perCPUGoal(work, eos, 0.85, 0.95)
	g.how, g.alos = toAlos, alos
	return g
}

// goals are ratios in one run, per CPU-second of the process, the median against the better of the two Kafka Streams.
var goals = []goal{
	perCPUGoal("windowed count, 1 K keys, at-least-once", "count-1k-alos", 4, 5),
	perCPUGoal("the same, exactly-once, 100 ms commits", "count-1k-eos", 4, 5),
	perCPUGoal("an output per input record, at-least-once", "count-1k-alos-nocache", 4, 6),
	perCPUGoal("the same, exactly-once", "count-1k-eos-nocache", 4, 6),
	perCPUGoal("windowed count, 1 M keys, at-least-once", "count-1m-alos", 5, 8),
	perCPUGoal("the same, exactly-once", "count-1m-eos", 5, 8),
	perCPUGoal("reduce over 1 M keys, exactly-once", "reduce-1m-eos", 4, 7),
	guaranteeGoal("exactly-once / at-least-once, count of 1 K keys", "count-1k-eos", "count-1k-alos"),
	guaranteeGoal("the same, count of 1 M keys", "count-1m-eos", "count-1m-alos"),
	guaranteeGoal("the same, stateless", "passthrough-eos", "passthrough-alos"),
	statelessGoal("stateless, at-least-once", "passthrough-alos"),
	statelessGoal("stateless, exactly-once", "passthrough-eos"),
	{work: "restore from empty, 5 M keys", scenario: "restore-5m", small: "restore-1m", field: rate, unit: perCPU, how: times, least: 2.5, aim: 5},
	{work: "restart after kill -9, 4.5 M keys: start to first commit", scenario: "kill9-5m-eos", small: "kill9-1m-eos",
		field: "restart_first_commit_s", unit: seconds, how: within, least: 2, aim: 0.5},
	{work: "latency p50, exactly-once, adaptive commits", scenario: "latency-eos-adaptive", field: "latency.p50_ms", unit: milliseconds,
		how: within, least: 15, aim: 8},
	{work: "latency p99, exactly-once, adaptive commits", scenario: "latency-eos-adaptive", field: "latency.p99_ms", unit: milliseconds,
		how: within, least: 40, aim: 20},
	{work: "latency p50, exactly-once, 100 ms commits", scenario: "latency-eos", field: "latency.p50_ms", unit: milliseconds,
		how: atMost, least: 1},
	{work: "latency p99, exactly-once, 100 ms commits", scenario: "latency-eos", field: "latency.p99_ms", unit: milliseconds,
		how: atMost, least: 1},
	{work: "peak RSS, count of 1 M keys", scenario: "count-1m-alos", field: "peak_rss_bytes", unit: megabytes, how: atMost, least: 0.3, aim: 0.15},
}

// outcome is what the runs say about a goal. What is not known is 0.
type outcome struct {
	goal
	ran             string // the scenario that was run
	ours, peer, own float64
	peerName        string
	bare            float64 // the bare client's
	ratio, warm     float64
}

// settle compares the runs with a goal.
func (r *results) settle(g goal) outcome {
	o := outcome{goal: g, ran: g.scenario}
	if _, ok := r.median(g.scenario, ours, g.field); !ok && g.small != "" {
		o.ran = g.small
	}
	o.ours, _ = r.median(o.ran, ours, g.field)
	o.bare, _ = r.median(o.ran, floor, g.field)
	o.peer, o.peerName = r.better(o.ran, g.field, g.how == times || g.how == toAlos)
	o.own = o.peer
	if g.how == toAlos {
		o.own, _ = r.median(g.alos, ours, g.field)
	}
	o.ratio = divided(o.ours, o.own)
	if g.warm != "" {
		warm, _ := r.median(o.ran, ours, g.warm)
		against, _ := r.better(o.ran, g.warm, true)
		if g.how == toAlos {
			against, _ = r.median(g.alos, ours, g.warm)
		}
		o.warm = divided(warm, against)
	}
	return o
}

// better is the better figure of the two Kafka Streams, and whose it is.
func (r *results) better(scenario, field string, high bool) (best float64, name string) {
	for _, system := range []string{streams, tuned} {
		v, ok := r.median(scenario, system, field)
		if ok && (name == "" || v > best == high) {
			best, name = v, system
		}
	}
	return best, name
}

// share is which part of our cost the bare client has for the same work; 0: not known.
func (o *outcome) share() float64 {
	if o.field != rate {
		return 0
	}
	return divided(o.ours, o.bare)
}

// reached is the verdict: "aim", "yes", "no", or "-" where something was not run.
func (o *outcome) reached() string {
	value, least, high := o.ratio, o.least, true
	switch o.how {
	case within:
		value, high = o.ours, false
	case atMost:
		high = false
	}
	meets := func(goal float64) bool { return value >= goal == high || value == goal }
	switch {
	case value == 0:
		return "-"
	case !meets(least):
		return "no"
	case o.aim > 0 && meets(o.aim), o.aimFloor > 0 && divided(o.ours, o.bare) >= o.aimFloor:
		return "aim"
	}
	return "yes"
}

func divided(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
