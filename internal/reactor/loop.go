package reactor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
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
	lastTime  time.Time // of the last commit, or of the first record after it
	dirty     bool      // something was processed since the last commit
	failures  int       // of commits, in a row
	commits   int64
	aborts    int64
	idleSince time.Time
	tally     tally
}

// running is a task in its loop.
type running struct {
	task      *Task
	space     *store.Space
	lifecycle *lifecycle
	routes    map[record.Partition]*route
	flushed   time.Time
}

// route is where the records of an input partition go. A new one is made whenever the position
// moves, so that what was fetched before is known by its old route.
type route struct {
	partition record.Partition
	loop      *loop
	buffered  atomic.Int64 // bytes on the way or in the task
	paused    atomic.Bool
}

// delivery is a fetch on its way to a loop.
type delivery struct {
	route *route
	kafka.Fetched
}

// inbox is what others leave for a loop.
type inbox struct {
	mu         sync.Mutex
	deliveries []delivery
	commands   []func(context.Context) error
	bell       chan struct{}
}

func (b *inbox) put(d delivery) {
	b.mu.Lock()
	b.deliveries = append(b.deliveries, d)
	b.mu.Unlock()
	b.ring()
}

// do has the loop run f, after the records that are already here.
func (b *inbox) do(f func(context.Context) error) {
	b.mu.Lock()
	b.commands = append(b.commands, f)
	b.mu.Unlock()
	b.ring()
}

func (b *inbox) ring() {
	select {
	case b.bell <- struct{}{}:
	default:
	}
}

func (b *inbox) take() (deliveries []delivery, commands []func(context.Context) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	deliveries, commands = b.deliveries, b.commands
	b.deliveries, b.commands = nil, nil
	return deliveries, commands
}

// stepRecords is how many records a task processes before the next task's turn.
const stepRecords = 1024

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
		worked, err := l.step(ctx)
		if err != nil {
			return err
		}
		if err := l.commitIfDue(ctx); err != nil {
			return err
		}
		if worked {
			continue
		}
		l.sayIdle()
		timer.Reset(l.untilCommit())
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

// step gives each task its turn and sends on what it put out.
func (l *loop) step(ctx context.Context) (worked bool, err error) {
	for _, r := range l.tasks {
		n, err := r.task.Step(stepRecords)
		if err != nil {
			return worked, err
		}
		if err := l.produceOutputs(ctx, r); err != nil {
			return worked, l.recover(ctx, &generation{}, err)
		}
		if n > 0 {
			worked = true
			r.space.Trim()
			l.noteBuffered(r)
		}
	}
	if worked {
		l.engine.progress()
		l.idleSince = time.Now()
	}
	return worked, nil
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

// commitIfDue commits when the interval is over, or when caches hold more than they may.
func (l *loop) commitIfDue(ctx context.Context) error {
	now := time.Now()
	if !l.dirty {
		l.lastTime = now
		return l.flushIfDue(now)
	}
	if now.Sub(l.lastTime) < l.engine.config.CommitInterval && !l.engine.config.Shared.Over() {
		return nil
	}
	l.lastTime = now
	l.dirty = slices.ContainsFunc(l.tasks, func(r *running) bool { return r.task.Waiting() == "" })
	if err := l.commit(ctx); err != nil {
		return err
	}
	for _, r := range l.tasks {
		r.space.Trim()
	}
	return l.flushIfDue(now)
}

func (l *loop) untilCommit() time.Duration {
	if !l.dirty {
		return l.engine.config.FlushInterval
	}
	return max(l.engine.config.CommitInterval-time.Since(l.lastTime), time.Millisecond)
}

// flushIfDue writes local state to disk now and then: what is not there is replayed after a crash.
func (l *loop) flushIfDue(now time.Time) error {
	for _, r := range l.tasks {
		unflushed := r.space.UnflushedBytes()
		if unflushed == 0 || now.Sub(r.flushed) < l.engine.config.FlushInterval && unflushed < l.engine.config.FlushBytes {
			continue
		}
		r.flushed = now
		if err := r.space.Flush(); err != nil {
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

func (l *loop) committed(g *generation, took time.Duration) {
	l.commits++
	l.publish()
	records := 0
	for _, c := range g.commits {
		records += len(c.Changelog)
	}
	l.log.Debug("committed", "loop", l.index, "tasks", len(g.commits), "changelog_records", records, "took", took)
}

// add takes a restored task over.
func (l *loop) add(a *assignment) {
	r := &running{task: a.task, space: a.space, lifecycle: &a.lifecycle, flushed: time.Now()}
	a.lifecycle.to(TaskRunning)
	r.newRoutes(l)
	l.tasks = append(l.tasks, r)
	slices.SortFunc(l.tasks, func(a, b *running) int {
		return compareTasks(a.task.ID, b.task.ID)
	})
	l.idleSince = time.Now()
	l.engine.poller.start(r)
}

func (r *running) newRoutes(l *loop) {
	r.routes = map[record.Partition]*route{}
	for _, p := range r.task.Inputs() {
		r.routes[p] = &route{partition: p, loop: l}
	}
}

// renewRoutes makes what was fetched until now unknown.
func (r *running) renewRoutes() {
	for p, old := range r.routes {
		r.routes[p] = &route{partition: p, loop: old.loop}
	}
}

func (l *loop) routes() []*route {
	var all []*route
	for _, r := range l.tasks {
		for _, route := range r.routes {
			all = append(all, route)
		}
	}
	return all
}

// remove gives a task up: committed first, unless its partitions already belong to someone else.
// Its local state stays, for when it comes back.
func (l *loop) remove(ctx context.Context, id record.TaskID, lost bool) error {
	at := slices.IndexFunc(l.tasks, func(r *running) bool { return r.task.ID == id })
	if at < 0 {
		return nil
	}
	r := l.tasks[at]
	if !lost {
		if err := l.commit(ctx); err != nil {
			return err
		}
	}
	l.tasks = slices.Delete(l.tasks, at, at+1)
	l.tally.closed.add(r.task.counters)
	r.task.Abort()
	if lost {
		// What this task produced is in the open transaction with the others': all of it goes.
		if err := l.recover(ctx, &generation{}, fmt.Errorf("task %s was taken away", id)); err != nil {
			return err
		}
	}
	return r.close()
}

// close flushes and closes the task's local state.
func (r *running) close() error {
	r.lifecycle.to(TaskClosed)
	err := r.space.Flush()
	if closeErr := r.space.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("task %s: close state: %w", r.task.ID, err)
	}
	return nil
}

func compareTasks(a, b record.TaskID) int {
	if a.Subtopology != b.Subtopology {
		return int(a.Subtopology - b.Subtopology)
	}
	return int(a.Partition - b.Partition)
}
