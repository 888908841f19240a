// Command floor runs the workloads as bare franz-go loops: consume, keep state in Go maps, produce a changelog and the
// output, commit. It has no DSL, no local store, no recovery of state: it shows what the client library alone costs.
//
//	floor count --brokers ... --input T --output O --app-id A --guarantee alos|eos --commit-ms 100 ...
//
// The flags and the JSON line are those of the contract in README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/bench/internal/broker"
	"github.com/pitwheel/pitwheel/bench/internal/measure"
)

type config struct {
	workload, brokers, input, table, output, appID, stateDir string
	guarantee, emit, until, warmup, linger, of               string
	threads                                                  int
	commitMs, cacheBytes, windowMs, graceMs, timeoutS        int64
}

func main() {
	c, err := parse(os.Args[1:])
	if err == nil {
		err = run(c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func parse(args []string) (*config, error) {
	if len(args) == 0 {
		return nil, errors.New("usage: floor count|passthrough|reduce|restore [flags]")
	}
	c := &config{workload: args[0]}
	fs := flag.NewFlagSet("floor", flag.ContinueOnError)
	fs.StringVar(&c.brokers, "brokers", "127.0.0.1:19092", "")
	fs.StringVar(&c.input, "input", "", "")
	fs.StringVar(&c.table, "table", "", "not supported")
	fs.StringVar(&c.output, "output", "", "")
	fs.StringVar(&c.appID, "app-id", "", "")
	fs.StringVar(&c.stateDir, "state-dir", "", "not used: the state is in memory")
	fs.StringVar(&c.guarantee, "guarantee", "alos", "alos or eos")
	fs.StringVar(&c.emit, "emit", "update", "only update")
	fs.StringVar(&c.until, "until", "", "end, signal or running")
	fs.StringVar(&c.warmup, "warmup", "50%", "")
	fs.StringVar(&c.linger, "linger-ms", "", "default: the library's")
	fs.String("instance-id", "", "not used")
	fs.StringVar(&c.of, "of", "reduce", "restore: whose changelog")
	fs.IntVar(&c.threads, "threads", 2, "not used: one loop does all partitions")
	fs.Int64Var(&c.commitMs, "commit-ms", 100, "")
	fs.Int64Var(&c.cacheBytes, "cache-bytes", 10<<20, "0: emit every update; else emit what changed, at each commit")
	fs.Int64Var(&c.windowMs, "window-ms", 60_000, "")
	fs.Int64Var(&c.graceMs, "grace-ms", 0, "")
	fs.Int64Var(&c.timeoutS, "timeout-s", 1800, "")
	if err := fs.Parse(args[1:]); err != nil {
		return nil, err
	}
	if c.emit != "update" {
		return nil, fmt.Errorf("--emit %s is not supported", c.emit)
	}
	return c, nil
}

func (c *config) result() *measure.Result {
	r := &measure.Result{}
	return r.Put("sut", "floor").Put("version", "franz-go 1.22.2").Put("workload", c.workload).Put("guarantee", c.guarantee).
		Put("commit_ms", c.commitMs).Put("cache_bytes", c.cacheBytes).Put("threads", 1)
}

func run(c *config) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.timeoutS)*time.Second)
	defer cancel()
	if c.workload == "restore" {
		return restore(ctx, c)
	}
	l, err := newLoop(ctx, c)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	if c.until == "signal" {
		signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	}
	var processed atomic.Int64
	progress := measure.Start(20*time.Millisecond, measure.Counter(&processed))
	ready, err := l.run(ctx, &processed, stop)
	if err != nil {
		return err
	}
	progress.Stop()
	r := c.result()
	progress.Fill(r, c.warmup)
	r.Float("ready_s", ready)
	r.Put("state_bytes", 0).Put("peak_rss_bytes", measure.PeakRSS())
	if err := r.Print(os.Stdout); err != nil {
		return err
	}
	l.close()
	return nil
}

// loop is the one goroutine that consumes, computes, produces and commits.
type loop struct {
	c    *config
	cl   *kgo.Client
	sess *kgo.GroupTransactSession // nil without transactions
	work work
	ends map[int32]int64
	at   map[int32]int64
	errs broker.FirstError
}

// work is one workload's computation.
type work interface {
	// record handles one input record; it may produce.
	record(r *kgo.Record)
	// flush produces what is still pending before a commit.
	flush()
}

func newLoop(ctx context.Context, c *config) (*loop, error) {
	adm, err := broker.Admin(c.brokers)
	if err != nil {
		return nil, err
	}
	defer adm.Close()
	l := &loop{c: c, at: map[int32]int64{}}
	if l.ends, err = broker.Ends(ctx, adm, c.input, false); err != nil {
		return nil, err
	}
	if err := l.newWork(ctx, adm); err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		broker.Brokers(c.brokers),
		kgo.ConsumerGroup(c.appID), kgo.ConsumeTopics(c.input),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(500_000), kgo.MaxBufferedBytes(512 << 20),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}
	if c.linger != "" {
		d, err := time.ParseDuration(c.linger + "ms")
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.ProducerLinger(d))
	}
	if c.guarantee == "eos" {
		opts = append(opts, kgo.TransactionalID(c.appID+"-0"), kgo.TransactionTimeout(10*time.Second),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()))
		if l.sess, err = kgo.NewGroupTransactSession(opts...); err != nil {
			return nil, err
		}
		l.cl = l.sess.Client()
		return l, nil
	}
	l.cl, err = kgo.NewClient(opts...)
	return l, err
}

func (l *loop) newWork(ctx context.Context, adm *kadm.Client) error {
	partitions := int32(len(l.ends))
	switch l.c.workload {
	case "count":
		changelog := l.c.appID + "-counts-changelog"
		l.work = newCount(l, changelog)
		_, err := broker.CreateTopic(ctx, adm, changelog, partitions, broker.Compacted())
		return err
	case "reduce":
		changelog := l.c.appID + "-best-changelog"
		l.work = newReduce(l, changelog)
		_, err := broker.CreateTopic(ctx, adm, changelog, partitions, broker.Compacted())
		return err
	case "passthrough":
		l.work = newPassthrough(l)
		return nil
	}
	return fmt.Errorf("unknown workload %q", l.c.workload)
}

func (l *loop) produce(r *kgo.Record) { l.cl.Produce(context.Background(), r, l.errs.Promise) }

// run returns when the first records came, in seconds since the start of the process.
func (l *loop) run(ctx context.Context, processed *atomic.Int64, stop <-chan os.Signal) (ready float64, err error) {
	// With an interval of 0 a commit is made as soon as the last one has ended and something came.
	interval := max(time.Duration(l.c.commitMs)*time.Millisecond, time.Millisecond)
	if l.sess != nil {
		if err := l.sess.Begin(); err != nil {
			return 0, err
		}
	}
	next := time.Now().Add(interval)
	dirty := false
	for {
		stopping := false
		select {
		case <-stop:
			stopping = true
		default:
		}
		pollCtx, cancel := context.WithDeadline(ctx, next)
		fs := l.cl.PollRecords(pollCtx, 10_000)
		cancel()
		if ctx.Err() != nil {
			return ready, ctx.Err()
		}
		for _, e := range fs.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				return ready, e.Err
			}
		}
		n := 0
		fs.EachPartition(func(p kgo.FetchTopicPartition) {
			for _, r := range p.Records {
				l.work.record(r)
			}
			if len(p.Records) > 0 {
				l.at[p.Partition] = p.Records[len(p.Records)-1].Offset + 1
				n += len(p.Records)
			}
		})
		if n > 0 {
			dirty = true
			if ready == 0 {
				ready = measure.SinceStart()
			}
			processed.Add(int64(n))
		}
		atEnd := l.c.until != "signal" && broker.Reached(l.at, l.ends)
		if now := time.Now(); atEnd || stopping || !now.Before(next) {
			next = now.Add(interval)
			if dirty {
				if err := l.commit(ctx, atEnd || stopping); err != nil {
					return ready, err
				}
				dirty = false
			}
		}
		if atEnd || stopping {
			return ready, nil
		}
	}
}

func (l *loop) commit(ctx context.Context, last bool) error {
	l.work.flush()
	if l.sess != nil {
		committed, err := l.sess.End(ctx, kgo.TryCommit)
		if err != nil {
			return err
		}
		if !committed {
			return errors.New("the transaction was aborted; the floor does not recover")
		}
		if err := l.errs.Err(); err != nil || last {
			return err
		}
		return l.sess.Begin()
	}
	if err := l.cl.Flush(ctx); err != nil {
		return err
	}
	if err := l.errs.Err(); err != nil {
		return err
	}
	return l.cl.CommitUncommittedOffsets(ctx)
}

func (l *loop) close() {
	if l.sess != nil {
		l.sess.Close()
		return
	}
	l.cl.Close()
}
