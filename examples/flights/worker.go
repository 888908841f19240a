package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/pitwheel/pitwheel"
)

// workerCommand is the first argument that makes this program a worker.
const workerCommand = "worker"

// lastWords is how long a worker may take to commit and close when it is told to stop. Where the
// driver died, the embedded Kafka died with it, and nobody is left to commit to.
const lastWords = 10 * time.Second

// work is a worker process: the app and nothing else. It runs until its standard input ends, which
// it does when the driver closes it or is gone, however that came about.
func work(args []string, in io.Reader, out io.Writer) error {
	config, err := workerConfig(args)
	if err != nil {
		return err
	}
	// Ctrl-C reaches every process of the terminal. The driver gets it too, and says when to stop.
	signal.Ignore(os.Interrupt)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()

	ran := make(chan error, 1)
	go func() { ran <- runApp(ctx, config, &reporter{to: out}) }()
	select {
	case err := <-ran:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(lastWords)
	defer late.Stop()
	select {
	case err := <-ran:
		return err
	case <-late.C:
		return fmt.Errorf("not stopped within %v", lastWords)
	}
}

func workerConfig(args []string) (pitwheel.Config, error) {
	flags := flag.NewFlagSet(workerCommand, flag.ContinueOnError)
	id := flags.String("id", "", "the application `id`")
	brokers := flags.String("brokers", "", "`host:port,...`")
	state := flags.String("state", "", "the state `directory`")
	commit := flags.Duration("commit", 0, "the commit `interval`")
	flush := flags.Duration("flush", 0, "the flush `interval`")
	if err := flags.Parse(args); err != nil {
		return pitwheel.Config{}, err
	}
	return pitwheel.Config{
		ApplicationID: *id, Brokers: strings.Split(*brokers, ","), StateDir: *state,
		CommitInterval: *commit, FlushInterval: *flush, LeaveOnStop: true,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}, nil
}

// runApp runs the app and reports on it.
func runApp(ctx context.Context, config pitwheel.Config, to *reporter) error {
	names, err := readNames()
	if err != nil {
		return err
	}
	seen := newSightings()
	plan, err := flightDelays(topicsOf(config.ApplicationID), names.airline, seen.note)
	if err != nil {
		return err
	}
	config.OnStateChange = func(_, now pitwheel.State) { to.send(report{State: now.String()}) }
	config.OnRestore = func(r pitwheel.Restore) {
		if !r.Done() {
			return
		}
		to.send(report{Restored: &restored{Task: r.Task.String(), Records: r.Records, Micros: r.Took.Microseconds()}})
	}
	app, err := pitwheel.New(plan, config)
	if err != nil {
		return err
	}
	reporting, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		reportProgress(reporting, app, seen, to)
	}()
	err = app.Run(ctx)
	stop()
	<-done
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// reportEvery is short: what the driver knows of a killed worker is what it said before.
const reportEvery = 3 * time.Millisecond

// reportProgress reports how far the app is whenever that has changed, and once at the end.
func reportProgress(ctx context.Context, app *pitwheel.App, seen *sightings, to *reporter) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	var before report
	for {
		now := report{Seen: seen.copy(), Counters: countersOf(app)}
		if !maps.Equal(now.Seen, before.Seen) || !reflect.DeepEqual(now.Counters, before.Counters) {
			to.send(now)
			before = now
		}
		select {
		case <-ctx.Done():
			to.send(report{Counters: countersOf(app)})
			return
		case <-ticker.C:
		}
	}
}

func countersOf(app *pitwheel.App) *counters {
	c := app.Metrics()
	of := counters{
		Late:        c.Dropped["late"],
		Undecodable: c.Dropped["decode_key"] + c.Dropped["decode_value"],
		StreamTime:  int64(c.StreamTime),
	}
	for _, n := range c.Dropped {
		of.Dropped += n
	}
	return &of
}
