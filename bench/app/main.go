// Command app is pitwheel's side of the benchmark beside Kafka Streams: an ordinary user of the public
// API that fulfils the contract of bench/peers (its README): it runs one workload on a topic and prints
// one line of JSON with what that took.
//
// What it does by design, said here because figures are shown beside others': a key's changes are written to
// its changelog once a commit, whatever the emission. Samples of the records processed are those of the
// app's metrics, so as of the last commit; all figures begin when the app runs, before its first record.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/bench/internal/measure"
)

func main() {
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(o *options, stdout io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	b, err := openInputs(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	if o.workload == "restore" {
		if err := b.adopt(ctx); err != nil {
			return err
		}
	}
	if o.profile != "" {
		stop, err := profile(o.profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	return measured(ctx, o, b, stdout)
}

// measured runs the app, and prints the line to stdout.
func measured(ctx context.Context, o *options, b *inputs, stdout io.Writer) error {
	j, err := newJob(o)
	if err != nil {
		return err
	}
	told, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	began := measure.SinceStart()
	beganCPU := measure.CPU()
	progress := measure.Start(20*time.Millisecond, j.sample)
	ran := make(chan error, 1)
	running, end := context.WithCancel(ctx)
	defer end()
	go func() {
		ran <- j.app.Run(running)
		end()
	}()
	switch o.until {
	case "running":
		err = waitFor(running, j.ready)
	case "signal":
		<-told.Done()
	default:
		err = b.reached(running)
	}
	// What ends the measurement is that all is committed: what comes after is leaving.
	progress.Stop()
	state := measure.TreeBytes(o.stateDir)
	r := o.result()
	j.fill(r, o, progress, began, beganCPU)
	r.Put("state_bytes", state).Put("peak_rss_bytes", measure.PeakRSS())
	end()
	if failed := <-ran; failed != nil || err != nil {
		return errors.Join(failed, err)
	}
	return r.Print(stdout)
}

// job is the app and what is known of its course.
type job struct {
	app      *pitwheel.App
	ready    chan struct{} // closed when it first runs, its state restored
	readyAt  float64
	readyCPU float64
	restores restores
}

func newJob(o *options) (*job, error) {
	plan, err := compile(o, o.of)
	if err != nil {
		return nil, err
	}
	j := &job{ready: make(chan struct{})}
	var once sync.Once
	j.app, err = pitwheel.New(plan, pitwheel.Config{
		ApplicationID: o.appID, Brokers: o.brokers, InstanceID: o.instanceID, StateDir: o.stateDir,
		Guarantee: o.guarantee, CommitInterval: o.commit, Loops: o.threads, Replication: 1, LeaveOnStop: true,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})),
		OnStateChange: func(_, now pitwheel.State) {
			if now == pitwheel.Running {
				once.Do(func() {
					j.readyAt, j.readyCPU = measure.SinceStart(), measure.CPU()
					close(j.ready)
				})
			}
		},
		OnRestore: j.restores.take,
	})
	return j, err
}

// sample is how many records were processed as of the last commit, and whether the app runs.
func (j *job) sample() (processed int64, begun bool) {
	select {
	case <-j.ready:
		return j.app.Metrics().Processed, true
	default:
		return 0, false
	}
}

func (o *options) result() *measure.Result {
	r := &measure.Result{}
	return r.Put("sut", "pitwheel").Put("version", "head").Put("workload", o.workload).Put("guarantee", o.guaranteeName()).
		Put("commit_ms", o.commit.Milliseconds()).Put("cache_bytes", o.cacheBytes).Put("threads", o.threads)
}

// fill puts the figures of the course.
func (j *job) fill(r *measure.Result, o *options, p *measure.Progress, began, beganCPU float64) {
	if o.until == "running" {
		records := j.restores.records()
		r.Put("records", records)
		r.Float("ready_s", j.readyAt).Float("start_to_ready_s", j.readyAt-began).Float("cpu_s", j.readyCPU-beganCPU)
		r.Rate("rec_per_cpu_s", records, j.readyCPU-beganCPU)
	} else {
		p.Fill(r, o.warmup)
		r.Float("ready_s", j.readyAt)
	}
	j.restores.fill(r)
}

func waitFor(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the state: %w", context.Cause(ctx))
	}
}

// profile writes a CPU profile until stop is called.
func profile(path string) (stop func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
