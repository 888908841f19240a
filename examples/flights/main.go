// Command flights counts flights and their delays by airport and hour, exactly once, while its
// worker is killed. It starts everything it needs: an embedded Kafka, the worker in a process of
// its own, a consumer of the results. README.md beside it has the flags.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == workerCommand {
		err = work(os.Args[2:], os.Stdin, os.Stdout)
	} else {
		err = flights(os.Args[1:], os.Stdout)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "flights:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	data, out, state string
	brokers          []string
	once             bool
	kills            int
	pace             time.Duration // how long the demo takes to feed the data
	commit, flush    time.Duration
	names            names
}

func parseSettings(args []string, usage io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("flights", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.BoolVar(&s.once, "once", false, "go through the data at full speed, print plain lines, and end")
	flags.StringVar(&s.data, "data", "", "read this gzipped CSV `file` (default: the built-in quarter of a year)")
	flags.IntVar(&s.kills, "kills", 1, "kill the worker `n` times")
	flags.StringVar(&s.out, "out", "", "write the result to this CSV `file`")
	brokers := flags.String("brokers", "", "use the Kafka at `host:port,...` (default: an embedded one, in memory)")
	flags.StringVar(&s.state, "state", "", "keep the worker's state in this `directory` (default: a temporary one)")
	flags.DurationVar(&s.pace, "pace", 16*time.Second, "without -once: feed the data in this `time`")
	flags.DurationVar(&s.commit, "commit", 0, "the worker's commit `interval` (default 100ms, with -once 30ms)")
	flags.DurationVar(&s.flush, "flush", 0, "how `often` the worker writes its state to disk (default 3s, with -once 500ms)")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	if s.kills < 0 || s.pace <= 0 || s.commit < 0 || s.flush < 0 {
		return s, errors.New("-kills, -commit and -flush may not be negative, -pace must be positive")
	}
	if *brokers != "" {
		s.brokers = strings.Split(*brokers, ",")
	}
	for _, b := range s.brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return s, fmt.Errorf("-brokers has %q: %w", b, err)
		}
	}
	s.defaultIntervals()
	return s, nil
}

// defaultIntervals sets the intervals that were not given. At full speed the data takes a second
// or two, so both are shorter there. The state goes to disk seldom compared with commits: what was
// committed since is what a kill leaves to be replayed, and a kill just after a flush leaves none.
func (s *settings) defaultIntervals() {
	commit, flush := 100*time.Millisecond, 3*time.Second
	if s.once {
		commit, flush = 30*time.Millisecond, 500*time.Millisecond
	}
	if s.commit == 0 {
		s.commit = commit
	}
	if s.flush == 0 {
		s.flush = flush
	}
}

// flights is the driver's process. Nil means that the result is proven to be right.
func flights(args []string, out io.Writer) error {
	s, err := parseSettings(args, os.Stderr)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = s.demonstrate(ctx, out)
	if ctx.Err() != nil {
		return errors.New("interrupted before the result was proven")
	}
	return err
}

// demonstrate feeds, counts, kills and proves.
func (s settings) demonstrate(ctx context.Context, out io.Writer) (err error) {
	if s.names, err = readNames(); err != nil {
		return err
	}
	data, err := readFlights(s.data)
	if err != nil {
		return err
	}
	if len(data) <= s.kills {
		return fmt.Errorf("%d kills do not fit into %d flights", s.kills, len(data))
	}
	right, err := oracle(s.data)
	if err != nil {
		return err
	}
	var to *os.File
	if s.out != "" {
		if to, err = os.Create(s.out); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, to.Close()) }()
	}
	if s.state == "" {
		if s.state, err = os.MkdirTemp("", "pitwheel-flights-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(s.state)) }()
	}
	got, err := s.count(ctx, data, s.display(out))
	if err != nil {
		return err
	}
	if to != nil {
		if err := writeHours(to, got.hours); err != nil {
			return err
		}
	}
	return judge(compare(got, right, s.names), out)
}

// count has the flights counted by a worker that is killed on the way, and reads the result.
func (s settings) count(ctx context.Context, data []Flight, show display) (*results, error) {
	k, err := openKafka(ctx, s.brokers)
	if err != nil {
		return nil, err
	}
	defer k.close()
	// An id of its own for each run: a real Kafka remembers the offsets of the run before.
	id := "flights-" + time.Now().UTC().Format("20060102-150405-") + strings.ToLower(rand.Text()[:4])
	t := topicsOf(id)
	if err := k.makeTopics(ctx, t); err != nil {
		return nil, err
	}
	live, err := openResults(k.brokers, t)
	if err != nil {
		return nil, err
	}
	defer live.close()
	following, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		if err := live.follow(following); err != nil {
			stop(err)
		}
	}()

	for _, line := range s.describe(k, id) {
		show.title(line)
	}
	d := &driver{settings: s, id: id, kafka: k, topics: t, flights: data, results: live, show: show}
	if err := d.run(following); err != nil {
		return nil, err
	}
	return readOutput(ctx, k, t)
}

// describe says what the run stands on.
func (s settings) describe(k *kafka, id string) []string {
	return []string{
		k.describe(id),
		fmt.Sprintf("commit every %v, state to disk every %v: a restart replays what came after that", s.commit, s.flush),
	}
}

func (s settings) display(out io.Writer) display {
	f, ok := out.(*os.File)
	if s.once || !ok || !isTerminal(f) {
		return newPlain(out)
	}
	return newScreen(out, os.Getenv("NO_COLOR") == "")
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// judge prints the proof. The error says that there is none.
func judge(p proof, out io.Writer) error {
	_, _ = fmt.Fprintln(out, p)
	if p.holds() {
		return nil
	}
	const shown = 10
	for _, line := range p.differ[:min(len(p.differ), shown)] {
		_, _ = fmt.Fprintln(out, "  "+line)
	}
	return fmt.Errorf("the result is wrong: %d of the windows and airlines differ", len(p.differ))
}
