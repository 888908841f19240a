package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/record"
	kv "github.com/pitwheel/pitwheel/store"
)

// workerCommand is the first argument that makes this program an instance of the application.
const workerCommand = "-worker"

// A worker reads commands from its standard input, a line each, and answers each with a line of JSON;
// it also tells of itself, unasked. It stops in good order when its standard input ends.
const (
	measureCommand = "measure" // collect garbage, then tell what is left
	dumpCommand    = "dump"    // then a path: write all rows there
)

// word is what a worker says.
type word struct {
	State    string    `json:",omitempty"` // it has changed
	Ready    bool      `json:",omitempty"` // all its tasks run
	Restored *restored `json:",omitempty"`
	Measured *measured `json:",omitempty"`
	Dumped   int64     `json:",omitempty"` // rows, and one more, so that none is something
	Error    string    `json:",omitempty"` // of a command
}

type restored struct {
	Task    string
	Records int64
	Took    time.Duration
}

type measured struct {
	Goroutines int
	RSS, Heap  int64 // in bytes
	Tasks      int
}

type voice struct {
	mu  sync.Mutex
	out io.Writer
}

func (v *voice) say(w word) {
	line, err := json.Marshal(w)
	if err != nil {
		panic(err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	_, _ = v.out.Write(append(line, '\n'))
}

// work is an instance, from start to end.
func work(args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet(workerCommand, flag.ContinueOnError)
	c := pitwheel.Config{ApplicationID: applicationID, LeaveOnStop: true}
	brokers := flags.String("brokers", "", "")
	version := flags.Int("version", 1, "")
	flags.StringVar(&c.InstanceID, "instance", "", "")
	flags.StringVar(&c.StateDir, "state", "", "")
	flags.DurationVar(&c.CommitInterval, "commit", 0, "")
	flags.DurationVar(&c.FlushInterval, "flush", 0, "")
	flags.DurationVar(&c.SessionTimeout, "session", 0, "")
	flags.IntVar(&c.Loops, "loops", 0, "")
	flags.IntVar(&c.Standbys, "standbys", 0, "")
	flags.Int64Var(&c.MemoryLimit, "memory", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c.Brokers = strings.Split(*brokers, ",")
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	a, err := newApplication(*version)
	if err != nil {
		return err
	}
	v := &voice{out: out}
	c.OnStateChange = func(_, now pitwheel.State) { v.say(word{State: now.String()}) }
	c.OnRestore = func(r pitwheel.Restore) {
		if r.Done() {
			v.say(word{Restored: &restored{r.Task.String(), r.Records, r.Took}})
		}
	}
	app, err := pitwheel.New(a.plan, c)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		defer stop()
		obey(ctx, in, &servant{app: app, of: a, v: v})
	}()
	return app.Run(ctx)
}

// obey carries commands out until there are no more.
func obey(ctx context.Context, in io.Reader, s *servant) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		command, argument, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case measureCommand:
			s.v.say(word{Measured: s.measure()})
		case dumpCommand:
			rows, err := s.dump(ctx, argument)
			if err != nil {
				s.v.say(word{Error: err.Error()})
				continue
			}
			s.v.say(word{Dumped: rows + 1})
		}
	}
}

// servant carries out commands.
type servant struct {
	app *pitwheel.App
	of  *application
	v   *voice
}

func (s *servant) measure() *measured {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return &measured{
		Goroutines: runtime.NumGoroutine(), RSS: resident(), Heap: int64(m.HeapInuse), Tasks: s.app.Health().Running,
	}
}

// resident is the memory of this process, in bytes; 0 where the system does not tell.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// dump writes all rows of all stores that are here, as lines of store, key and value.
func (s *servant) dump(ctx context.Context, path string) (rows int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = firstOf(err, f.Close()) }()
	w := bufio.NewWriter(f)
	d := dump{to: w}
	for e, err := range s.app.KeyValue(s.of.chains).All(ctx) {
		d.row(err, "chains", e.Key, e.Value)
	}
	for e, err := range s.app.KeyValue(s.of.largest).All(ctx) {
		d.row(err, "largest", e.Key, e.Value)
	}
	for e, err := range s.app.KeyValue(s.of.tallies).All(ctx) {
		d.row(err, "tallies", e.Key, e.Value.count, e.Value.sum)
	}
	const ever = record.Time(1 << 62)
	for e, err := range s.app.Window(s.of.updates).All(ctx, 0, ever) {
		d.row(err, "updates", fmt.Sprintf("%s@%d", e.Key.Key, e.Key.Start), e.Value)
	}
	for e, err := range s.app.Window(s.of.closing).All(ctx, 0, ever) {
		d.row(err, "closing", fmt.Sprintf("%s@%d", e.Key.Key, e.Key.Start), e.Value)
	}
	return d.rows, firstOf(d.err, w.Flush())
}

type dump struct {
	to   io.Writer
	rows int64
	err  error
}

func (d *dump) row(err error, store, key string, values ...int64) {
	if errors.Is(err, kv.ErrNotHere) {
		return // another instance has that partition
	}
	if err != nil {
		d.err = firstOf(d.err, err)
		return
	}
	d.rows++
	_, err = fmt.Fprintln(d.to, store, key, strings.Trim(fmt.Sprint(values), "[]"))
	d.err = firstOf(d.err, err)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
