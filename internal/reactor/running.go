package reactor

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// running is a task in its loop.
type running struct {
	assignment *assignment
	task       *Task
	space      *store.Space
	routes     map[record.Partition]*route
	flushed    time.Time
	touched    time.Time // when the checkpoint was last said to be of now
	limit      int       // records between two looks at the clock
	lag        lag

	busy     time.Duration // spent in turns
	measured time.Time     // when disk was
	disk     metrics.Disk
}

// add takes a restored task over.
func (l *loop) add(a *assignment) {
	r := &running{assignment: a, task: a.task, space: a.space, flushed: time.Now(), touched: time.Now(), limit: 1}
	a.lifecycle.to(TaskRunning)
	r.routes = map[record.Partition]*route{}
	for _, p := range r.task.Inputs() {
		r.routes[p] = &route{partition: p, loop: l}
	}
	r.task.Refuse(l.refusals.hook())
	l.tasks = append(l.tasks, r)
	slices.SortFunc(l.tasks, func(a, b *running) int { return compareTasks(a.task.ID, b.task.ID) })
	l.idleSince = time.Now()
	// Where the task starts is committed even if nothing comes: a crash must not move it.
	l.dirty = true
	l.engine.poller.start(r)
	l.report(l.idleSince)
}

// renewRoutes makes what was fetched until now unknown.
func (r *running) renewRoutes() {
	for p, old := range r.routes {
		r.routes[p] = &route{partition: p, loop: old.loop}
	}
}

// park sets a task aside: nothing of it is processed or committed here any more, until it is taken away.
func (l *loop) park(r *running, because string) {
	l.log.Warn("a task waits to be taken away", "task", r.task.ID, "because", because)
	r.task.Abort()
	l.tasks = slices.DeleteFunc(l.tasks, func(x *running) bool { return x == r })
	l.parked = append(l.parked, r)
}

// touch says that local state is complete as of now, though nothing was committed: an old checkpoint
// would not be gone on from.
func (r *running) touch(now time.Time) error {
	r.touched = now
	if r.task.seq == 0 {
		return nil
	}
	return r.space.Apply(nil, store.Checkpoint{Seq: r.task.seq, At: record.TimeOf(now)})
}

// remove gives tasks up: committed first, unless their partitions already belong to someone else.
// Their local state stays, for when they come back. It is closed whatever else fails.
func (l *loop) remove(ctx context.Context, ids []record.TaskID, lost bool) (err error) {
	// Without the membership to which they were given nothing of them can be committed any more.
	lost = lost || !l.owns(l.engine.group.Member())
	way := l.begin()
	defer func() { way.End(err) }()
	if !lost {
		way.Enter(GiveCommit)
		l.way = l.begin()
		err = l.commitNow(ctx)
		way.Enter(GiveClose)
	} else {
		way.Enter(LoseDrop)
	}
	for _, tasks := range []*[]*running{&l.tasks, &l.parked} {
		*tasks = slices.DeleteFunc(*tasks, func(r *running) bool {
			if !slices.Contains(ids, r.task.ID) {
				return false
			}
			of := r.task.counted.totals()
			l.published.closed.Add(&of)
			if !lost && err == nil {
				err = r.task.Close()
			}
			r.task.Abort()
			if !lost && err == nil {
				err = r.touch(time.Now())
			}
			err = errors.Join(err, r.assignment.closeSpace())
			return true
		})
	}
	l.report(time.Now())
	if err == nil && lost {
		// What the lost tasks produced stands in one transaction with the others': all of it goes.
		if err = l.producer.Renew(ctx); err == nil {
			err = l.rewind(ctx, l.tasks)
		}
	}
	return err
}
