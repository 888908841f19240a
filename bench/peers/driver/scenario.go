package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/bench/internal/data"
)

const partitions = 4

type kind int

const (
	drain   kind = iota // a full topic: how fast, at what cost
	latency             // a fixed rate: how long until the result is visible
	restore             // an empty state directory and a full changelog: how long until ready
	kill                // kill -9 near the end of the input, then start again
)

type scenario struct {
	name       string
	kind       kind
	workload   string
	set        data.Set // the input; for restore the changelog
	guarantee  string
	commitMs   int64
	cacheBytes int64
	emit       string
	rate       int
	instanceID bool   // stable group membership, so that a restart need not wait for the session timeout
	linger     string // --linger-ms; empty: the program's own
	about      string
}

const (
	cacheDefault = 10 << 20
	million      = 1_000_000
)

// uniform has one tumbling window of one minute per million records, some disorder and a few late records.
func uniform(records, keys int64) data.Set {
	return data.Set{Records: records, Keys: keys, Dist: "uniform", Partitions: partitions, Seed: 1,
		Span:        time.Duration(max(records/million, 1)) * time.Minute,
		DisorderPct: 10, DisorderMs: 2000, LatePermille: 1, LateMs: 90_000}
}

func zipf(records, keys int64) data.Set {
	s := uniform(records, keys)
	s.Dist = "zipf"
	return s
}

// each has every key in turn, records/keys times.
func each(records, keys int64) data.Set {
	return data.Set{Records: records, Keys: keys, Dist: "each", Partitions: partitions, Seed: 1, Span: 10 * time.Minute}
}

var scenarios = []scenario{
	{name: "count-1k-alos", workload: "count", set: uniform(10*million, 1000), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault,
		about: "hot keys: the cache absorbs nearly everything"},
	{name: "count-1k-eos", workload: "count", set: uniform(10*million, 1000), guarantee: "eos", commitMs: 100, cacheBytes: cacheDefault},
	{name: "count-1k-alos-30s", workload: "count", set: uniform(10*million, 1000), guarantee: "alos", commitMs: 30_000, cacheBytes: cacheDefault,
		about: "Kafka Streams' default commit interval"},
	{name: "count-1k-alos-nocache", workload: "count", set: uniform(3*million, 1000), guarantee: "alos", commitMs: 1000,
		about: "every update goes to the store, the changelog and the output"},
	{name: "count-1k-eos-nocache", workload: "count", set: uniform(3*million, 1000), guarantee: "eos", commitMs: 100},
	{name: "count-1m-alos", workload: "count", set: uniform(3*million, million), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault,
		about: "cold keys: store-bound"},
	{name: "count-1m-eos", workload: "count", set: uniform(3*million, million), guarantee: "eos", commitMs: 100, cacheBytes: cacheDefault},
	{name: "count-1m-alos-256mb", workload: "count", set: uniform(3*million, million), guarantee: "alos", commitMs: 1000, cacheBytes: 256 << 20,
		about: "cold keys and a cache that holds them"},
	{name: "count-1m-alos-nocache", workload: "count", set: uniform(3*million, million), guarantee: "alos", commitMs: 1000},
	{name: "count-1m-eos-nocache", workload: "count", set: uniform(3*million, million), guarantee: "eos", commitMs: 100},
	{name: "count-zipf-alos", workload: "count", set: zipf(5*million, million), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault,
		about: "1M keys, zipf 0.99"},
	{name: "count-1k-close", workload: "count", set: uniform(5*million, 1000), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault, emit: "close",
		about: "one output per window, when it closes"},
	{name: "passthrough-alos", workload: "passthrough", set: uniform(5*million, 1000), guarantee: "alos", commitMs: 1000},
	{name: "passthrough-eos", workload: "passthrough", set: uniform(5*million, 1000), guarantee: "eos", commitMs: 100},
	{name: "reduce-1m-alos", workload: "reduce", set: uniform(3*million, million), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault},
	{name: "reduce-1m-eos", workload: "reduce", set: uniform(3*million, million), guarantee: "eos", commitMs: 100, cacheBytes: cacheDefault},
	{name: "join-1m-alos", workload: "join", set: uniform(3*million, million), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault,
		about: "stream-table join; the table's 1M records are part of the input"},
	{name: "restore-1m", kind: restore, workload: "reduce", set: each(million, million), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault},
	{name: "restore-5m", kind: restore, workload: "reduce", set: each(5*million, 5*million), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault},
	{name: "restore-1m-x3", kind: restore, workload: "reduce", set: each(3*million, million), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault,
		about: "three versions of every key, not compacted yet"},
	{name: "restore-10m", kind: restore, workload: "reduce", set: each(10*million, 10*million), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault},
	{name: "kill9-1m-eos", kind: kill, workload: "reduce", set: each(million, million), guarantee: "eos", commitMs: 100, cacheBytes: cacheDefault, instanceID: true},
	{name: "kill9-5m-eos", kind: kill, workload: "reduce", set: each(5*million, 5*million), guarantee: "eos", commitMs: 100, cacheBytes: cacheDefault, instanceID: true},
	{name: "kill9-5m-eos-dynamic", kind: kill, workload: "reduce", set: each(5*million, 5*million), guarantee: "eos", commitMs: 100, cacheBytes: cacheDefault,
		about: "without stable membership: the restart also waits until the group has given up the dead member"},
	{name: "kill9-5m-alos", kind: kill, workload: "reduce", set: each(5*million, 5*million), guarantee: "alos", commitMs: 1000, cacheBytes: cacheDefault, instanceID: true},
	{name: "latency-alos", kind: latency, workload: "count", guarantee: "alos", commitMs: 100, rate: 5000},
	{name: "latency-alos-linger5", kind: latency, workload: "count", guarantee: "alos", commitMs: 100, rate: 5000, linger: "5",
		about: "the app's producer linger is 5 ms (Kafka Streams' default is 100 ms)"},
	{name: "latency-eos", kind: latency, workload: "count", guarantee: "eos", commitMs: 100, rate: 5000},
	{name: "latency-eos-adaptive", kind: latency, workload: "count", guarantee: "eos", rate: 5000,
		about: "a commit as soon as the last one has ended and something changed; Kafka Streams has no such thing"},
}

// sets are named groups of scenarios for -scenario. full has every row of the goals; quick what shows most of them within 25
// minutes on two cores.
var sets = map[string][]string{
	"quick": {"count-1k-alos", "count-1k-eos", "count-1k-alos-nocache", "count-1m-alos", "count-1m-eos", "reduce-1m-eos",
		"passthrough-alos", "passthrough-eos", "restore-1m", "kill9-1m-eos", "latency-eos", "latency-eos-adaptive"},
	"full": {"count-1k-alos", "count-1k-eos", "count-1k-alos-nocache", "count-1k-eos-nocache", "count-1m-alos", "count-1m-eos",
		"reduce-1m-eos", "passthrough-alos", "passthrough-eos", "restore-5m", "kill9-5m-eos", "latency-eos", "latency-eos-adaptive"},
}

func choose(spec string) ([]scenario, error) {
	var out []scenario
	for _, name := range strings.Split(spec, ",") {
		members, ok := sets[name]
		switch {
		case name == "all":
			return scenarios, nil
		case !ok:
			members = []string{name}
		}
		for _, m := range members {
			i := position(m)
			if i < 0 {
				return nil, fmt.Errorf("unknown scenario %q (-list shows them)", m)
			}
			out = append(out, scenarios[i])
		}
	}
	return out, nil
}

// position is where the scenario of that name stands; -1: nowhere.
func position(name string) int {
	return slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
}

func listScenarios() string {
	var w strings.Builder
	for _, s := range scenarios {
		fmt.Fprintf(&w, "%-24s %s\n", s.name, s.about)
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		fmt.Fprintf(&w, "%-24s = %s\n", name, strings.Join(sets[name], " "))
	}
	return w.String()
}

// has says whether that system can do the scenario.
func (s *scenario) has(system string) bool {
	switch system {
	case floor:
		return s.kind != kill && s.workload != "join" && s.emit == ""
	case ours:
		return s.workload != "join"
	case streams, tuned:
		return !s.adaptive()
	}
	return true
}

// adaptive says that a program commits when it can, not when an interval is over.
func (s *scenario) adaptive() bool { return s.commitMs == 0 }
