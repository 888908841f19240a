// Command wordcount counts the words of a text: the first example to read. It starts an embedded
// Kafka, runs the topology on it, prints the most frequent words and ends.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"

	"github.com/pitwheel/pitwheel"
)

//go:embed text.txt
var text string

func main() {
	brokers := flag.String("brokers", "", "use the Kafka at `host:port,...` (default: an embedded one, in memory)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *brokers, os.Stdout)
	stop()
	if err != nil {
		log.Fatal("wordcount: ", err)
	}
}

func run(ctx context.Context, brokers string, out io.Writer) error {
	k, err := openKafka(ctx, brokers)
	if err != nil {
		return err
	}
	defer k.close()
	if _, err := fmt.Fprintln(out, k); err != nil {
		return err
	}
	if err := k.send(ctx, strings.Split(text, "\n")); err != nil {
		return err
	}
	plan, err := wordCount()
	if err != nil {
		return err
	}
	app, err := pitwheel.New(plan, pitwheel.Config{
		ApplicationID: application, Brokers: k.brokers, StateDir: k.stateDir, LeaveOnStop: true,
	})
	if err != nil {
		return err
	}
	if err := runUntil(ctx, app, k.counted); err != nil {
		return err
	}
	return k.printTop(ctx, out, 10)
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
