// Command silence tells which weather stations have fallen silent and which report again: a processor of
// one's own, with a store, a timer and a side output. It starts an embedded Kafka, sends it what three
// airports measured in the first quarter of 2013, and prints the alerts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/pitwheel/pitwheel"
)

func main() {
	brokers := flag.String("brokers", "", "use the Kafka at `host:port,...` (default: an embedded one, in memory)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *brokers, os.Stdout)
	stop()
	if err != nil {
		log.Fatal("silence: ", err)
	}
}

func run(ctx context.Context, brokers string, out io.Writer) error {
	k, err := openKafka(ctx, brokers)
	if err != nil {
		return err
	}
	defer k.close()
	reported, err := weather()
	if err != nil {
		return err
	}
	if err := k.send(ctx, reported); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%v\n%d readings\n", k, len(reported)); err != nil {
		return err
	}
	plan, err := watchStations()
	if err != nil {
		return err
	}
	app, err := pitwheel.New(plan, pitwheel.Config{
		ApplicationID: application, Brokers: k.brokers, StateDir: k.stateDir, LeaveOnStop: true,
	})
	if err != nil {
		return err
	}
	if err := runUntil(ctx, app, k.processed); err != nil {
		return err
	}
	return k.print(ctx, out)
}

// runUntil runs the app until done has returned. An app of one's own runs until it is stopped.
func runUntil(ctx context.Context, app *pitwheel.App, done func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ran := make(chan error, 1)
	go func() {
		ran <- app.Run(ctx)
		cancel() // if it has failed, there is nothing to wait for
	}()
	err := done(ctx)
	cancel()
	if failed := <-ran; failed != nil {
		return failed
	}
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return err
}

// print prints what the app has written.
func (k *kafka) print(ctx context.Context, out io.Writer) error {
	told, err := readAll(ctx, k, alerts)
	if err != nil {
		return err
	}
	for _, r := range told {
		since := r.Value().Since
		what := fmt.Sprintf("%s is silent since %s", r.Key(), since.Time().Format(time.DateTime))
		if !r.Value().Silent {
			what = fmt.Sprintf("%s reports again, after %v", r.Key(), r.Time().Sub(since))
		}
		if _, err := fmt.Fprintf(out, "%s  %s\n", r.Time().Time().Format(time.DateTime), what); err != nil {
			return err
		}
	}
	aside, err := readAll(ctx, k, incomplete)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d readings are incomplete\n", len(aside))
	return err
}
