package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/pitwheel/pitwheel/bench/internal/broker"
	lat "github.com/pitwheel/pitwheel/bench/internal/latency"
	"github.com/pitwheel/pitwheel/bench/internal/measure"
)

func (j *job) drained(ctx context.Context) error {
	until := "end"
	if j.s.kind == restore {
		until = "running"
	}
	ends, err := broker.Ends(ctx, j.adm, j.input, false)
	if err != nil {
		return err
	}
	p, err := j.start(ctx, until)
	if err != nil {
		return err
	}
	if err := j.wait(p); err != nil {
		return err
	}
	if j.s.kind == restore {
		// Without compaction every record must have been read; with it, at least one for each key.
		n, _ := j.result["restore_records"].(json.Number)
		got, err := n.Int64()
		j.result["ok"] = err == nil && got >= j.s.set.Keys && got <= j.s.set.Records
		return nil
	}
	done, err := broker.Committed(ctx, j.adm, j.app, j.input)
	if err != nil {
		return err
	}
	if !broker.Reached(done, ends) {
		return fmt.Errorf("it exited before its offsets were committed: %v of %v", done, ends)
	}
	return nil
}

func (j *job) latency(ctx context.Context) error {
	p, err := j.start(ctx, "signal")
	if err != nil {
		return err
	}
	res, err := lat.Run(ctx, lat.Params{Brokers: j.o.brokers, Workload: j.s.workload, Input: j.input, Output: j.output, Rate: j.s.rate, Keys: 1000,
		Warmup: j.o.latencyWarm, Measure: j.o.latencyFor, WindowMs: 60_000})
	if sig := p.cmd.Process.Signal(syscall.SIGTERM); err == nil && sig != nil {
		err = fmt.Errorf("it ended before it was told to: %w", sig)
	}
	err = errors.Join(err, j.wait(p))
	if err == nil {
		j.result["ok"] = res.Missing == 0
	}
	j.result["latency"] = res
	return err
}

// killed runs until 90 % of the input is committed, kills, and starts again on the same state directory.
func (j *job) killed(ctx context.Context) error {
	p, err := j.start(ctx, "end")
	if err != nil {
		return err
	}
	at, err := j.untilCommitted(ctx, p, j.s.set.Records*9/10)
	if killed := p.cmd.Process.Kill(); err == nil {
		err = killed
	}
	<-p.ended // it was killed: its exit status says no more
	if err != nil {
		return err
	}
	j.result["killed_at"] = at
	j.result["killed_after_s"] = round(p.wall)
	j.result["killed_cpu_s"] = round(p.cpu())
	j.result["killed_state_bytes"] = measure.TreeBytes(j.stateDir)
	last, err := broker.Committed(ctx, j.adm, j.app, j.input)
	if err != nil {
		return err
	}
	if p, err = j.start(ctx, "end"); err != nil {
		return err
	}
	for p.alive() {
		done, err := broker.Committed(ctx, j.adm, j.app, j.input)
		if err == nil && broker.Sum(done) > broker.Sum(last) {
			break
		}
		if time.Since(p.begun) > hung {
			return errors.Join(fmt.Errorf("no commit within %v of the restart", hung), p.cmd.Process.Kill())
		}
		time.Sleep(20 * time.Millisecond)
	}
	j.result["restart_first_commit_s"] = round(time.Since(p.begun).Seconds())
	return j.wait(p)
}

// hung is how long a run may take before it is given up.
const hung = 20 * time.Minute

// untilCommitted waits until so many records are committed, and returns how many are.
func (j *job) untilCommitted(ctx context.Context, p *process, n int64) (int64, error) {
	for {
		done, err := broker.Committed(ctx, j.adm, j.app, j.input)
		at := broker.Sum(done)
		switch {
		case err != nil || at >= n:
			return at, err
		case !p.alive():
			return at, fmt.Errorf("it ended before the kill, at %d (see %s)", at, j.logFile)
		case time.Since(p.begun) > hung:
			return at, fmt.Errorf("it hung before the kill, at %d (see %s)", at, j.logFile)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
