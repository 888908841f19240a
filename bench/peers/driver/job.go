package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/pitwheel/pitwheel/bench/internal/broker"
	"github.com/pitwheel/pitwheel/bench/internal/check"
	"github.com/pitwheel/pitwheel/bench/internal/data"
	"github.com/pitwheel/pitwheel/bench/internal/measure"
)

// bench runs scenarios.
type bench struct {
	o   *options
	adm *kadm.Client
	id  string // makes application ids unique
}

func newBench(o *options) (*bench, error) {
	adm, err := broker.Admin(o.brokers)
	if err != nil {
		return nil, err
	}
	return &bench{o: o, adm: adm, id: strconv.FormatInt(time.Now().Unix()%1_000_000, 36)}, nil
}

// job is one run of one system on one scenario.
type job struct {
	*bench
	s        scenario
	sys      sut
	app      string
	input    string
	table    string
	output   string
	stateDir string
	logFile  string
	result   map[string]any
}

func (b *bench) once(ctx context.Context, s scenario, sys sut, n int) error {
	app := fmt.Sprintf("pb-%s-%s-%s%d", s.name, sys.name, b.id, n)
	j := &job{bench: b, s: s, sys: sys, app: app, output: app + "-out", stateDir: filepath.Join(b.o.work, "state", app),
		logFile: filepath.Join(b.o.work, "logs", app+".log"), result: map[string]any{}}
	fmt.Fprintf(os.Stderr, "%s %-22s %-19s run %d\n", time.Now().Format("15:04:05"), s.name, sys.name, n)
	if err := j.prepare(ctx); err != nil {
		return err
	}
	if !b.o.keep {
		defer j.clean()
	}
	j.result["scenario"], j.result["system"], j.result["run"] = s.name, sys.name, n
	j.result["at"] = time.Now().UTC().Format(time.RFC3339)
	j.result["calibration_ms"] = calibrate()
	if err := j.measured(ctx); err != nil {
		return err
	}
	if err := j.written(ctx); err != nil {
		return err
	}
	if err := j.checked(ctx); err != nil {
		return err
	}
	if err := j.save(); err != nil {
		return err
	}
	if j.result["ok"] == false {
		return fmt.Errorf("its output is wrong: %+v", j.result["check"])
	}
	return nil
}

// measured runs the system, and notes what was spent meanwhile and by whom.
func (j *job) measured(ctx context.Context) error {
	before, brokerBefore := busySeconds(), j.brokerCPU()
	own := measure.CPU()
	var err error
	switch j.s.kind {
	case latency:
		err = j.latency(ctx)
	case kill:
		err = j.killed(ctx)
	default:
		err = j.drained(ctx)
	}
	if err != nil {
		return err
	}
	brokerUsed := j.brokerCPU() - brokerBefore
	j.result["broker_cpu_s"] = round(brokerUsed)
	used, _ := j.result["proc_cpu_s"].(float64)
	if killed, ok := j.result["killed_cpu_s"].(float64); ok {
		used += killed
	}
	j.result["other_cpu_s"] = round(busySeconds() - before - brokerUsed - used - (measure.CPU() - own))
	return nil
}

// checked compares the output with a re-computation.
func (j *job) checked(ctx context.Context) error {
	if !j.o.verify || j.s.kind == restore || j.s.kind == latency {
		return nil
	}
	rep, err := check.Run(ctx, check.Params{Brokers: j.o.brokers, Workload: j.s.workload, Input: j.input, Table: j.table, Output: j.output,
		WindowMs: 60_000, EmitClose: j.s.emit == "close"})
	if err != nil {
		return err
	}
	j.result["check"] = rep
	j.result["ok"] = rep.OK()
	return nil
}

// prepare makes the topics, filled as the scenario wants.
func (j *job) prepare(ctx context.Context) error {
	j.input = j.s.set.Name()
	configs := broker.KeepForever()
	switch j.s.kind {
	case latency:
		j.input = j.app + "-in"
		if _, err := broker.CreateTopic(ctx, j.adm, j.input, partitions, configs); err != nil {
			return err
		}
	case restore:
		j.input = "pb-in-empty"
		if _, err := broker.CreateTopic(ctx, j.adm, j.input, partitions, configs); err != nil {
			return err
		}
		if _, err := broker.Fill(ctx, j.o.brokers, j.app+"-best-changelog", withBase(j.s.set), broker.Compacted()); err != nil {
			return err
		}
	default:
		if _, err := broker.Fill(ctx, j.o.brokers, j.input, withBase(j.s.set), configs); err != nil {
			return err
		}
	}
	if j.s.workload == "join" {
		// The table's records are older than all of the stream's, so a join that is ordered by time finds every row.
		table := each(j.s.set.Keys, j.s.set.Keys)
		table.BaseMs = withBase(j.s.set).BaseMs - 24*time.Hour.Milliseconds()
		j.table = strings.Replace(table.Name(), "pb-in-", "pb-table-", 1)
		if _, err := broker.Fill(ctx, j.o.brokers, j.table, table, configs); err != nil {
			return err
		}
	}
	_, err := broker.CreateTopic(ctx, j.adm, j.output, partitions, configs)
	return err
}

func withBase(s data.Set) data.Set {
	s.BaseMs = data.WindowStart(time.Now().Add(-s.Span).UnixMilli(), 60_000)
	return s
}

func (j *job) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := broker.DeletePrefix(ctx, j.adm, j.app); err != nil {
		fmt.Fprintln(os.Stderr, "cleaning up:", err)
	}
	if err := os.RemoveAll(j.stateDir); err != nil {
		fmt.Fprintln(os.Stderr, "cleaning up:", err)
	}
}

// arguments are the contract's.
func (j *job) arguments(until string) []string {
	workload := j.s.workload
	if j.s.kind == restore {
		workload = "restore"
	}
	args := []string{workload, "--brokers", j.o.brokers, "--input", j.input, "--output", j.output, "--app-id", j.app,
		"--state-dir", j.stateDir, "--guarantee", j.s.guarantee, "--commit-ms", strconv.FormatInt(j.s.commitMs, 10),
		"--cache-bytes", strconv.FormatInt(j.s.cacheBytes, 10), "--threads", "2", "--warmup", j.o.warmup, "--until", until}
	if j.table != "" {
		args = append(args, "--table", j.table)
	}
	if j.s.kind == restore {
		args = append(args, "--of", j.s.workload)
	}
	if j.s.emit != "" {
		args = append(args, "--emit", j.s.emit)
	}
	if j.s.linger != "" {
		args = append(args, "--linger-ms", j.s.linger)
	}
	if j.s.instanceID {
		args = append(args, "--instance-id", j.app+"-a")
	}
	return append(args, j.sys.tail...)
}

// written reports how many offsets the run used in the output and in the system's own topics (changelogs). Transaction
// markers are among them.
func (j *job) written(ctx context.Context) error {
	ends, err := broker.PrefixEnds(ctx, j.adm, j.app+"-")
	if err != nil {
		return err
	}
	var internal int64
	for topic, n := range ends {
		switch topic {
		case j.input:
		case j.output:
			j.result["output_offsets"] = n
		default:
			internal += n
		}
	}
	j.result["internal_offsets"] = internal
	return nil
}

func (j *job) save() error {
	b, err := json.Marshal(j.result)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(j.o.results, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Close())
}
