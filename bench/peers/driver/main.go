// Command driver runs scenarios for the systems under test one after the other, alternating, on one broker, checks every
// output, and writes one JSON line per run.
//
//	driver -scenario quick -runs 1
//	driver -scenario count-1k-eos -sut floor,pitwheel -runs 5
//	driver -report ../../docs/benchmarks .work/results.jsonl
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	brokers, work, results  string
	brokerPID, runs         int
	javaOpts                string
	scenarios, suts, thirds string
	verify, keep            bool
	warmup                  string
	latencyWarm, latencyFor time.Duration
	within                  time.Duration
	ksProps                 string
}

// sut is one system under test: a command that takes the contract's arguments, and what comes after them.
type sut struct {
	name string
	argv []string
	tail []string
}

// tunedProps and tunedJava are what helped Kafka Streams on a machine with two cores; README.md has the figures.
const (
	tunedProps = "producer.batch.size=131072,consumer.max.poll.records=5000"
	tunedJava  = "-Xms1g -Xmx2g -XX:+UseParallelGC"
)

// The systems that the driver knows by itself.
const (
	floor      = "floor"
	streams    = "kafka-streams"
	tuned      = "kafka-streams-tuned"
	ours       = "pitwheel"
	allSystems = floor + "," + streams + "," + tuned + "," + ours
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var o options
	flags := flag.NewFlagSet("driver", flag.ContinueOnError)
	list := flags.Bool("list", false, "list the scenarios and sets, and exit")
	summary := flags.Bool("summary", false, "print the table of the results file given as argument, and exit")
	report := flags.String("report", "", "write the report on the results file given as argument into this directory, and exit")
	o.define(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *summary || *report != "" {
		if flags.NArg() != 1 {
			return errors.New("one results file is needed as argument")
		}
		return show(flags.Arg(0), *report, o.scenarios)
	}
	if *list {
		fmt.Print(listScenarios())
		return nil
	}
	return o.run()
}

func (o *options) define(flags *flag.FlagSet) {
	flags.StringVar(&o.brokers, "brokers", "127.0.0.1:19092", "brokers, comma separated")
	flags.IntVar(&o.brokerPID, "broker-pid", 0, "the broker's process on this machine, to report its CPU time")
	flags.StringVar(&o.scenarios, "scenario", "quick", "scenarios or sets of them, comma separated")
	flags.StringVar(&o.suts, "sut", allSystems, "built-in systems to run, comma separated")
	flags.StringVar(&o.thirds, "third", "", "further systems as name=command, separated by ;")
	flags.IntVar(&o.runs, "runs", 1, "rounds: each runs every system once on every scenario")
	flags.DurationVar(&o.within, "within", 0, "begin no scenario that late after the start; 0: no limit")
	flags.StringVar(&o.work, "work", ".work", "directory for programs, state, logs and results")
	flags.StringVar(&o.results, "results", "", "results file, appended to; default: <work>/results.jsonl")
	flags.StringVar(&o.javaOpts, "java-opts", "-Xms512m -Xmx2g", "JVM options of "+streams)
	flags.StringVar(&o.ksProps, "ks-props", "", "further properties of "+streams+" as name=value, comma separated")
	flags.BoolVar(&o.verify, "verify", true, "compare every output with a re-computation")
	flags.BoolVar(&o.keep, "keep", false, "keep output and internal topics and the state directory")
	flags.StringVar(&o.warmup, "warmup", "50%", "what the warm figures leave out: a share of the records or a time")
	flags.DurationVar(&o.latencyWarm, "latency-warmup", 20*time.Second, "latency: time before measuring")
	flags.DurationVar(&o.latencyFor, "latency-for", 30*time.Second, "latency: time measured")
}

// run runs what was chosen, and prints the table.
func (o *options) run() error {
	chosen, err := choose(o.scenarios)
	if err != nil {
		return err
	}
	systems, err := o.systems()
	if err != nil {
		return err
	}
	for _, dir := range []string{o.work, filepath.Join(o.work, "logs"), filepath.Join(o.work, "state")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if o.results == "" {
		o.results = filepath.Join(o.work, "results.jsonl")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.adm.Close()
	failed := b.rounds(ctx, chosen, systems)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := show(o.results, "", ""); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d runs failed", failed)
	}
	return nil
}

// rounds runs every system once on every scenario, as often as asked; it returns how many runs failed. A wrong output
// is a failed run.
func (b *bench) rounds(ctx context.Context, chosen []scenario, systems []sut) (failed int) {
	began := time.Now()
	for n := range b.o.runs {
		for _, s := range chosen {
			if b.o.within > 0 && time.Since(began) > b.o.within {
				fmt.Fprintf(os.Stderr, "%v are over: %s and what follows is not run in round %d\n", b.o.within, s.name, n)
				return failed
			}
			for i := range systems {
				// Rotate the order, so that none is always first.
				system := systems[(i+n)%len(systems)]
				if ctx.Err() != nil || !s.has(system.name) {
					continue
				}
				if err := b.once(ctx, s, system, n); err != nil {
					failed++
					fmt.Fprintf(os.Stderr, "%s %s run %d: %v\n", s.name, system.name, n, err)
				}
			}
		}
	}
	return failed
}

func (o *options) systems() ([]sut, error) {
	var out []sut
	for _, name := range strings.Split(o.suts, ",") {
		switch name {
		case "":
		case floor:
			out = append(out, sut{name: name, argv: []string{o.program("floor")}})
		case ours:
			out = append(out, sut{name: name, argv: []string{o.program("app")}})
		case streams:
			out = append(out, o.kafkaStreams(name, o.javaOpts, o.ksProps))
		case tuned:
			out = append(out, o.kafkaStreams(name, tunedJava, tunedProps))
		default:
			return nil, fmt.Errorf("unknown system %q: use -third %s=command", name, name)
		}
	}
	for _, t := range strings.Split(o.thirds, ";") {
		if t == "" {
			continue
		}
		name, command, ok := strings.Cut(t, "=")
		if !ok {
			return nil, fmt.Errorf("-third %q is not name=command", t)
		}
		out = append(out, sut{name: name, argv: strings.Fields(command)})
	}
	return out, nil
}

func (o *options) program(name string) string { return filepath.Join(o.work, "bin", name) }

func (o *options) kafkaStreams(name, java, props string) sut {
	argv := slices.Concat([]string{"java"}, strings.Fields(java),
		[]string{"-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", filepath.Join(o.work, "kafka-streams", "app", "*"), "peerbench.Main"})
	s := sut{name: name, argv: argv}
	for _, p := range strings.Split(props, ",") {
		if p != "" {
			s.tail = append(s.tail, "--prop", p)
		}
	}
	return s
}
