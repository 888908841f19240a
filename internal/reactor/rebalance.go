package reactor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/record"
)

// assigned opens the tasks of the partitions that the group gave, each once all its inputs are here.
// The group does not wait for it: other tasks go on while state is restored.
//
// Of the tasks that are to be standbys here it keeps copies, and of no others.
//
// A member whose id is another than before was thrown out in between, and its tasks may have been with
// others: what it still has is given up and opened anew.
func (e *Engine) assigned(ctx context.Context, given kafka.Assignment) {
	e.progress()
	e.joining.Leave()
	way := e.config.Probe.Begin(Moment{})
	way.Enter(TakeGiven)
	defer way.End(nil)
	of := given.Partitions
	if stale := e.notOf(given.Member.ID); len(stale) > 0 {
		e.lost(ctx, stale)
		of = append(slices.Clip(of), stale...)
	}
	e.rebalances.Add(1)
	span := e.start("rebalance", time.Now(), nil)
	span.set("assigned", len(of))
	defer span.end(nil)
	e.partitions.Add(int64(len(of)))
	e.mu.Lock()
	for _, p := range of {
		if e.topics.reader(p.Topic) == nil {
			e.failUnknown(p.Topic)
		} else if count := e.topics.count(p.Topic); p.ID >= count && !e.ended {
			// Keys have moved between partitions; the state of their old ones has not.
			e.fail(fmt.Errorf("topic %q had %d partitions when this instance started and has more now: if that is wanted, start over under a new application id, or stop all instances and delete the application's internal topics, offsets and state directories",
				p.Topic, count))
		}
		e.owned[p] = true
	}
	for _, p := range of {
		sub := e.topics.reader(p.Topic)
		if sub == nil {
			continue
		}
		id := record.TaskID{Subtopology: sub.ID, Partition: p.ID}
		if e.assignments[id] == nil && !e.ended && e.ownsAll(id, sub) {
			e.openTask(id, sub, given.Member.ID)
		}
	}
	e.tellRunning()
	e.mu.Unlock()
	e.standbys.keep(given.Standbys)
}

// notOf are the partitions of tasks that were given to another member than this.
func (e *Engine) notOf(member string) (of []record.Partition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for p := range e.owned {
		if sub := e.topics.reader(p.Topic); sub != nil {
			if a := e.assignments[record.TaskID{Subtopology: sub.ID, Partition: p.ID}]; a != nil && a.member != member {
				of = append(of, p)
			}
		}
	}
	return of
}

// failUnknown ends the engine, which has been given a topic that it does not know: one that matches a
// source's pattern and was found by an instance that has started later. The engine's mutex is held.
func (e *Engine) failUnknown(topic string) {
	if !e.ended {
		e.fail(fmt.Errorf("topic %q was given to this instance, which had not found it when it started: it matches a pattern and was created since: restart this instance", topic))
	}
}

// ownsAll says whether all inputs of the task are assigned. The engine's mutex is held.
func (e *Engine) ownsAll(id record.TaskID, sub *plan.Subtopology) bool {
	for _, topic := range e.topics.sourcesOf(sub) {
		if id.Partition < e.topics.count(topic) && !e.owned[record.Partition{Topic: topic, ID: id.Partition}] {
			return false
		}
	}
	return true
}

// openTask opens a task in a goroutine of its own and gives it to the loop that has the fewest.
// The engine's mutex is held.
func (e *Engine) openTask(id record.TaskID, sub *plan.Subtopology, member string) {
	ctx, cancel := context.WithCancel(e.work)
	a := &assignment{
		engine: e, id: id, subtopology: sub, owner: rand.Int64(), member: member, loop: e.idlestLoop(),
		cancel: cancel, warm: e.standbys.detach(id), opened: make(chan struct{}),
	}
	e.assignments[id] = a
	e.unclosed[a] = true
	e.opened.Add(1)
	go func() {
		defer close(a.opened)
		if a.warm != nil {
			a.space, a.task = a.warm.stop()
		}
		if err := e.openSoon(ctx, a); err != nil {
			a.failed = true
			if err := a.closeSpace(); err != nil {
				e.log.Error("closing failed", "error", err)
			}
			if ctx.Err() == nil {
				e.fail(err)
			}
			return
		}
		a.loop.inbox.do(func(context.Context) error {
			way := e.config.Probe.Begin(Moment{Task: a.id})
			way.Enter(TakeRun)
			a.loop.add(a)
			way.End(nil)
			e.mu.Lock()
			e.tellRunning()
			e.mu.Unlock()
			return nil
		})
	}()
}

// openSoon opens the task when it is its turn.
func (e *Engine) openSoon(ctx context.Context, a *assignment) error {
	select {
	case e.openings <- struct{}{}:
		defer func() { <-e.openings }()
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	span := e.start("restore", time.Now(), nil)
	span.set("task", a.id.String())
	restored, err := e.open(ctx, a)
	span.set("records", restored.Records)
	span.end(err)
	if err == nil {
		e.tell(restored)
	}
	return err
}

func (e *Engine) idlestLoop() *loop {
	tasks := make([]int, len(e.loops))
	for _, a := range e.assignments {
		tasks[a.loop.index]++
	}
	idlest := 0
	for i, n := range tasks {
		if n < tasks[idlest] {
			idlest = i
		}
	}
	return e.loops[idlest]
}

// revoked gives tasks up, committed. The group waits for it.
func (e *Engine) revoked(ctx context.Context, of []record.Partition) { e.giveUp(ctx, of, false) }

// lost gives tasks up that belong to someone else already: nothing of them may be committed.
func (e *Engine) lost(ctx context.Context, of []record.Partition) { e.giveUp(ctx, of, true) }

// giveUp has each loop give up its tasks of those partitions, all at once.
func (e *Engine) giveUp(ctx context.Context, of []record.Partition, lost bool) {
	e.progress()
	e.rebalances.Add(1)
	span := e.start("rebalance", time.Now(), nil)
	if lost {
		span.set("lost", len(of))
	} else {
		span.set("revoked", len(of))
	}
	defer span.end(nil)
	way := e.config.Probe.Begin(Moment{})
	if !lost {
		way.Enter(GiveStop)
	}
	e.poller.drop(of)
	e.partitions.Add(-int64(len(of)))
	e.mu.Lock()
	var gone []*assignment
	for _, p := range of {
		delete(e.owned, p)
		sub := e.topics.reader(p.Topic)
		if sub == nil {
			continue
		}
		id := record.TaskID{Subtopology: sub.ID, Partition: p.ID}
		if a := e.assignments[id]; a != nil {
			gone = append(gone, a)
			delete(e.assignments, id)
		}
	}
	e.mu.Unlock()
	byLoop := map[*loop][]record.TaskID{}
	for _, a := range gone {
		a.cancel()
		<-a.opened
		if !a.failed {
			byLoop[a.loop] = append(byLoop[a.loop], a.id)
		}
	}
	way.Leave()
	var removals []chan struct{}
	for l, ids := range byLoop {
		removed := make(chan struct{})
		removals = append(removals, removed)
		l.inbox.do(func(ctx context.Context) error {
			defer close(removed)
			return l.remove(ctx, ids, lost)
		})
	}
	for _, removed := range removals {
		select {
		case <-removed:
		case <-e.work.Done():
		case <-ctx.Done():
		}
	}
	e.mu.Lock()
	e.tellRunning()
	e.mu.Unlock()
	if !lost {
		e.joining = way
		way.Enter(GiveJoin)
	}
}

// tellRunning says whether all assigned tasks run. The engine's mutex is held, so that what is told
// last is what was true last.
func (e *Engine) tellRunning() {
	if e.config.OnRunning == nil || e.ended {
		return
	}
	all := true
	for _, a := range e.assignments {
		all = all && a.lifecycle.state() == TaskRunning
	}
	e.config.OnRunning(all)
}
