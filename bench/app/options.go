package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel"
)

// options are the contract's flags.
type options struct {
	workload string
	// of is the workload whose topology runs: for restore the one that is restored.
	of                   string
	brokers              []string
	input, output, appID string
	stateDir, instanceID string
	guarantee            pitwheel.Guarantee
	commit               time.Duration
	cacheBytes           int64
	threads              int
	until, warmup, emit  string
	window, grace        time.Duration
	timeout              time.Duration
	profile              string
}

func parse(args []string) (*options, error) {
	if len(args) == 0 {
		return nil, errors.New("no workload: the first argument is count, passthrough, reduce or restore")
	}
	o := &options{workload: args[0]}
	fs := flag.NewFlagSet("app", flag.ContinueOnError)
	var brokers, guarantee, linger, table string
	var commitMs, windowMs, graceMs, timeoutS int64
	fs.StringVar(&brokers, "brokers", "127.0.0.1:19092", "comma separated")
	fs.StringVar(&o.input, "input", "", "the topic to read")
	fs.StringVar(&o.output, "output", "", "the topic to write")
	fs.StringVar(&table, "table", "", "of the join, which is not there yet")
	fs.StringVar(&o.appID, "app-id", "", "the group, and the prefix of what the app makes")
	fs.StringVar(&o.stateDir, "state-dir", "", "where local state goes")
	fs.StringVar(&o.instanceID, "instance-id", "", "of static membership; default: kept in the state directory")
	fs.StringVar(&guarantee, "guarantee", "alos", "alos or eos")
	fs.Int64Var(&commitMs, "commit-ms", 100, "between commits; 0: as soon as the last one has ended")
	fs.Int64Var(&o.cacheBytes, "cache-bytes", 10<<20, "0: an output for each input record; else one a commit for what changed")
	fs.IntVar(&o.threads, "threads", 2, "loops that process records")
	fs.StringVar(&o.until, "until", "", "end, signal or running; default: end, of restore running")
	fs.StringVar(&o.warmup, "warmup", "50%", "what the warm figures leave out: a share of the records or a time")
	fs.StringVar(&o.emit, "emit", "update", "count: update or close")
	fs.StringVar(&linger, "linger-ms", "", "ignored: a loop sends what it has at each commit")
	fs.StringVar(&o.of, "of", "reduce", "restore: whose state")
	fs.Int64Var(&windowMs, "window-ms", 60_000, "of count")
	fs.Int64Var(&graceMs, "grace-ms", 0, "of count")
	fs.Int64Var(&timeoutS, "timeout-s", 1800, "then it gives up")
	fs.StringVar(&o.profile, "cpu-profile", "", "a file for a CPU profile; default: none")
	if err := fs.Parse(args[1:]); err != nil {
		return nil, err
	}
	o.brokers = strings.Split(brokers, ",")
	// 0 is as soon as the last commit has ended: to pitwheel an interval that is over by then.
	o.commit, o.window, o.grace = max(milliseconds(commitMs), time.Millisecond), milliseconds(windowMs), milliseconds(graceMs)
	o.timeout = time.Duration(timeoutS) * time.Second
	if o.until == "" {
		o.until = "end"
	}
	if o.workload != "restore" {
		o.of = o.workload
	} else if o.until == "end" {
		o.until = "running"
	}
	switch guarantee {
	case "alos":
		o.guarantee = pitwheel.AtLeastOnce
	case "eos":
		o.guarantee = pitwheel.ExactlyOnce
	default:
		return nil, fmt.Errorf("--guarantee is %q: it is alos or eos", guarantee)
	}
	if table != "" {
		return nil, errors.New("--table: joins are not there yet")
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *options) check() error {
	for name, value := range map[string]string{"input": o.input, "output": o.output, "app-id": o.appID, "state-dir": o.stateDir} {
		if value == "" {
			return fmt.Errorf("--%s is required", name)
		}
	}
	switch o.until {
	case "end", "signal", "running":
	default:
		return fmt.Errorf("--until is %q: it is end, signal or running", o.until)
	}
	if o.emit != "update" && o.emit != "close" {
		return fmt.Errorf("--emit is %q: it is update or close", o.emit)
	}
	return nil
}

// guaranteeName is as the flag has it.
func (o *options) guaranteeName() string {
	if o.guarantee == pitwheel.ExactlyOnce {
		return "eos"
	}
	return "alos"
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
