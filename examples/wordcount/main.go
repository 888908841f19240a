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
	"time"

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
	config := pitwheel.Config{ApplicationID: "wordcount", LeaveOnStop: true}
	if brokers != "" {
		config.Brokers = strings.Split(brokers, ",")
	} else {
		fmt.Fprintln(out, "Kafka is IN MEMORY, inside this process (kfake): nothing outlives it")
		stop, err := embed(&config)
		if err != nil {
			return err
		}
		defer stop()
	}
	plan, err := wordCount()
	if err != nil {
		return err
	}
	app, err := pitwheel.New(plan, config)
	if err != nil {
		return err
	}
	if err := send(ctx, config.Brokers, strings.Split(strings.TrimSpace(text), "\n")); err != nil {
		return err
	}
	if err := runUntilCounted(ctx, app, len(strings.Split(strings.TrimSpace(text), "\n"))+len(strings.Fields(text))); err != nil {
		return err
	}
	found, err := read(ctx, config.Brokers)
	if err != nil {
		return err
	}
	printTop(out, found, 10)
	return nil
}
