package reactor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/record"
)

// loop is the goroutine that runs a group of tasks in turn, carries out their effects and commits
// for them. Other goroutines reach it through its inbox alone.
type loop struct {
	engine   *Engine
	index    int
	log      *slog.Logger
	producer *kafka.Producer
	inbox    inbox

	tasks     []*running
	parked    []*running // somebody else has committed for them: they wait to be taken away
	turn      int        // the task whose turn is next
	committed time.Time  // when the last commit was, or the first record after it
	dirty     bool       // something was processed since the last commit
	trouble   trouble
	refusals  refusals
	commits   int64
	aborts    int64
	idleSince time.Time
	published published
	doing     atomic.Pointer[string] // what it waits for brokers with; nil: nothing
	span      *span                  // of the commit under way
	way       *Way                   // of the same
}

// run is the loop's whole life: it ends with stop, whose error is nil, or with the first error.
func (l *loop) run(ctx context.Context, stop <-chan struct{}) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return l.commit(ctx)
		default:
		}
		if err := l.receive(ctx); err != nil {
			return err
		}
		l.noteUncommitted()
		worked, err := l.step(ctx)
		if err != nil {
			return err
		}
		if err := l.commitIfDue(ctx); err != nil {
			return err
		}
		l.askForLagging()
		if worked {
			continue
		}
		l.sayIdle()
		timer.Reset(l.untilWork())
		select {
		case <-stop:
		case <-l.inbox.bell:
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// receive takes what is in the inbox.
func (l *loop) receive(ctx context.Context) error {
	deliveries, commands := l.inbox.take()
	for _, d := range deliveries {
		for _, r := range l.tasks {
			if r.routes[d.Partition] == d.route {
				r.task.Feed(d.Partition, d.Records, d.Next, d.End)
				l.dirty = true
				l.noteBuffered(r)
			}
		}
	}
	for _, f := range commands {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// A turn is how long a task may process before the next task's, and a look at the clock costs as
// much as a record, so there are as many records between two looks as a short while takes.
const (
	turnTime    = 20 * time.Millisecond
	lookTime    = time.Millisecond
	lookRecords = 1024
)

// step gives tasks their turns, until each had one or the commit is due.
func (l *loop) step(ctx context.Context) (worked bool, err error) {
	due := l.due()
	// A turn may end with tasks being parked.
	for turns := len(l.tasks); turns > 0 && len(l.tasks) > 0; turns-- {
		if l.turn++; l.turn >= len(l.tasks) {
			l.turn = 0
		}
		r := l.tasks[l.turn]
		did, now, err := l.turnOf(ctx, r, due)
		if err != nil {
			return worked, err
		}
		worked = worked || did
		if did && !now.Before(due) {
			break
		}
	}
	if worked {
		l.engine.progress()
		l.idleSince = time.Now()
	}
	return worked, nil
}

// turnOf has the task process and sends on what it put out.
func (l *loop) turnOf(ctx context.Context, r *running, due time.Time) (did bool, now time.Time, err error) {
	begin := time.Now()
	r.task.BeginTurn(begin)
	defer func() { r.task.EndTurn(now, err) }()
	for now = begin; now.Sub(begin) < turnTime && (!did || now.Before(due)); {
		before, looked := r.task.counters.In, now
		if err := l.punctuate(r, now); err != nil {
			return did, now, err
		}
		if _, err := r.task.Step(r.limit); err != nil {
			return did, now, err
		}
		if err := l.produceOutputs(ctx, r); err != nil {
			r.task.EndTurn(now, err)
			return did, now, l.recover(ctx, nil, err)
		}
		if r.task.counters.In == before {
			break
		}
		did = true
		now = time.Now()
		if spent := now.Sub(looked); spent < lookTime {
			r.limit = min(2*r.limit, lookRecords)
		} else if spent > 4*lookTime {
			r.limit = max(r.limit/4, 1)
		}
	}
	if did {
		l.dirty = true // what was fed long ago may have waited
		r.busy += now.Sub(begin)
		l.published.busy += now.Sub(begin)
		r.space.Trim()
		l.noteBuffered(r)
	}
	return did, now, nil
}

// punctuate has the task do what is due by the wall clock. That is no work as records are: the loop
// may sleep again after it.
func (l *loop) punctuate(r *running, now time.Time) error {
	fired, err := r.task.Punctuate(record.TimeOf(now))
	l.dirty = l.dirty || fired
	return err
}

// noteBuffered lets go on what was paused because too much of it was waiting here.
func (l *loop) noteBuffered(r *running) {
	for p, route := range r.routes {
		bytes := int64(r.task.BufferedBytes(p))
		route.buffered.Store(bytes)
		if bytes < l.engine.lowWater() && route.paused.CompareAndSwap(true, false) {
			l.engine.poller.resume(p)
		}
	}
}

// due is when the next commit is.
func (l *loop) due() time.Time {
	due := l.committed.Add(l.engine.config.CommitInterval)
	if l.trouble.notBefore.After(due) {
		return l.trouble.notBefore
	}
	return due
}

// commitIfDue commits when the interval is over, or when caches hold more than they may.
func (l *loop) commitIfDue(ctx context.Context) error {
	now := time.Now()
	l.reportIfDue(now)
	if !l.dirty {
		l.committed = now
		return l.flushIfDue(now)
	}
	if now.Before(l.due()) && (!l.engine.config.Shared.Over() || now.Before(l.trouble.notBefore)) {
		return nil
	}
	l.committed = now
	l.dirty = slices.ContainsFunc(l.tasks, func(r *running) bool { return r.task.Waiting() == "" })
	if err := l.commit(ctx); err != nil {
		return err
	}
	for _, r := range l.tasks {
		r.space.Trim()
	}
	return l.flushIfDue(now)
}

// untilWork is how long the loop may sleep if nothing comes.
func (l *loop) untilWork() time.Duration {
	until := l.untilCommit()
	for _, r := range l.tasks {
		if at, ok := r.task.NextWake(); ok {
			until = min(until, max(time.Until(at.Time()), 0))
		}
		if !r.lag.since.IsZero() {
			until = min(until, max(time.Until(r.lag.since.Add(askAfter)), 0))
		}
	}
	return until
}

func (l *loop) untilCommit() time.Duration {
	if !l.dirty {
		return l.engine.config.FlushInterval
	}
	return max(time.Until(l.due()), time.Millisecond)
}

// touchEvery is far below how long changelogs keep deletions.
const touchEvery = 10 * time.Minute

// flushIfDue writes local state to disk now and then: what is not there is replayed after a crash.
func (l *loop) flushIfDue(now time.Time) error {
	for _, r := range l.tasks {
		if now.Sub(r.touched) > touchEvery {
			if err := r.touch(now); err != nil {
				return fmt.Errorf("task %s: %w", r.task.ID, err)
			}
		}
		unflushed := r.space.UnflushedBytes()
		if unflushed == 0 || now.Sub(r.flushed) < l.engine.config.FlushInterval && unflushed < l.engine.config.FlushBytes {
			continue
		}
		r.flushed = now
		way := l.begin()
		way.Enter(CommitDisk)
		err := r.space.Flush()
		way.End(err)
		if err != nil {
			return fmt.Errorf("task %s: flush state: %w", r.task.ID, err)
		}
	}
	return nil
}

// idleAfter is how long nothing may happen before the log says what is waited for.
const idleAfter = 30 * time.Second

func (l *loop) sayIdle() {
	if len(l.tasks) == 0 || time.Since(l.idleSince) < idleAfter {
		return
	}
	l.idleSince = time.Now()
	for _, r := range l.tasks {
		l.log.Info("nothing to process", "task", r.task.ID, "waiting_for", r.task.Waiting(), "stream_time", r.task.StreamTime())
	}
}

// waits notes what the loop waits for brokers with, for the log of others; "": nothing.
func (l *loop) waits(what string) {
	if what == "" {
		l.doing.Store(nil)
		return
	}
	l.doing.Store(&what)
}

func compareTasks(a, b record.TaskID) int {
	if a.Subtopology != b.Subtopology {
		return int(a.Subtopology - b.Subtopology)
	}
	return int(a.Partition - b.Partition)
}
