package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/pitwheel/pitwheel/bench/internal/broker"
	"github.com/pitwheel/pitwheel/bench/internal/check"
	"github.com/pitwheel/pitwheel/bench/internal/data"
)

const partitions = 4

// set has disorder, late records, and three windows of a minute.
var set = data.Set{Records: 20_000, Keys: 200, Dist: "uniform", Partitions: partitions, Seed: 1, BaseMs: 1_700_000_040_000,
	Span: 3 * time.Minute, DisorderPct: 10, DisorderMs: 2000, LatePermille: 1, LateMs: 90_000}

// fields are what the contract has in every line.
var fields = []string{"sut", "version", "workload", "guarantee", "commit_ms", "cache_bytes", "threads", "records", "ready_s", "cpu_s",
	"rec_per_cpu_s", "restore_records", "restore_bytes", "restore_s", "restore_rec_per_s", "state_bytes", "peak_rss_bytes"}

// ran runs the program on an embedded Kafka with args, and returns its line.
func ran(t *testing.T, brokers string, args ...string) map[string]any {
	t.Helper()
	o, err := parse(append(args, "--brokers", brokers, "--app-id", "app", "--input", "in", "--output", "out", "--state-dir",
		filepath.Join(t.TempDir(), "state"), "--commit-ms", "100", "--threads", "2", "--timeout-s", "120"))
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	if err := run(o, &stdout); err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, stdout.String())
	}
	for _, f := range fields {
		if _, ok := line[f]; !ok {
			t.Errorf("the line has no %s: %s", f, stdout.String())
		}
	}
	return line
}

func embedded(t *testing.T) string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()[0]
}

// TestWorkloadsFulfilTheContract: every record is processed, the oracle finds the output right, and the line is complete.
func TestWorkloadsFulfilTheContract(t *testing.T) {
	for _, args := range []string{
		"count --guarantee eos", "count --guarantee alos --cache-bytes 0", "count --guarantee eos --emit close",
		"passthrough --guarantee eos", "passthrough --guarantee alos", "reduce --guarantee eos", "reduce --guarantee alos --cache-bytes 0",
	} {
		t.Run(args, func(t *testing.T) {
			brokers := embedded(t)
			if _, err := broker.Fill(t.Context(), brokers, "in", set, nil); err != nil {
				t.Fatal(err)
			}
			line := ran(t, brokers, strings.Fields(args+" --until end")...)
			if line["records"] != float64(set.Records) {
				t.Errorf("records: %v, want %d", line["records"], set.Records)
			}
			report, err := check.Run(t.Context(), check.Params{Brokers: brokers, Workload: strings.Fields(args)[0], Input: "in", Output: "out",
				WindowMs: 60_000, EmitClose: strings.Contains(args, "close")})
			if err != nil {
				t.Fatal(err)
			}
			if !report.OK() || report.Output == 0 || report.Backwards != 0 {
				t.Errorf("the output is wrong: %+v", report)
			}
		})
	}
}

// TestRestoreReadsTheWholeChangelog that was written before it first started.
func TestRestoreReadsTheWholeChangelog(t *testing.T) {
	brokers := embedded(t)
	changelog := set
	changelog.Dist, changelog.Keys = "each", set.Records
	if _, err := broker.Fill(t.Context(), brokers, "app-best-changelog", changelog, broker.Compacted()); err != nil {
		t.Fatal(err)
	}
	line := ran(t, brokers, "restore", "--of", "reduce", "--guarantee", "alos", "--until", "running")
	for _, f := range []string{"records", "restore_records"} {
		if line[f] != float64(set.Records) {
			t.Errorf("%s: %v, want %d", f, line[f], set.Records)
		}
	}
	if s, ok := line["start_to_ready_s"].(float64); !ok || s <= 0 {
		t.Errorf("start_to_ready_s: %v", line["start_to_ready_s"])
	}
}

func TestFlagsAreChecked(t *testing.T) {
	good := []string{"count", "--input", "in", "--output", "out", "--app-id", "app", "--state-dir", "state"}
	if _, err := parse(good); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"no workload":  nil,
		"--input":      {"count", "--output", "out", "--app-id", "app", "--state-dir", "state"},
		"--guarantee":  slices.Concat(good, []string{"--guarantee", "most"}),
		"--until":      slices.Concat(good, []string{"--until", "never"}),
		"--emit":       slices.Concat(good, []string{"--emit", "twice"}),
		"--table":      slices.Concat(good, []string{"--table", "rows"}),
		"not-a-number": slices.Concat(good, []string{"--commit-ms", "not-a-number"}),
	} {
		if _, err := parse(args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want an error on %s", args, err, want)
		}
	}
}
