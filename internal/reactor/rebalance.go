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
	e.moving.Lock()
	defer e.moving.Unlock()
	e.joining.Leave()
	way := e.config.Probe.Begin(Moment{})
	way.Enter(TakeGiven)
	defer way.End(nil)
	of := given.Partitions
	if stale := e.notOf(given.Member.ID); len(stale) > 0 {
		e.giveUp(ctx, stale, true)
		of = append(slices.Clip(of), stale...)
	}
	e.rebalances.Add(1)
	span := e.start("rebalance", time.Now(), nil)
	span.set("assigned", len(of))
	defer span.end(nil)
	e.partitions.Add(int64(len(of)))
	e.mu.Lock()
	if e.memberID == "" {
		close(e.given)
	}
	e.memberID = given.Member.ID
	for _, p := range of {
		e.owned[p] = true
		if !e.ended {
			e.checkGiven(p)
		}
	}
	e.mu.Unlock()
	e.arrange(ctx)
	e.standbys.keep(given.Standbys)
}

// checkGiven ends the engine if a partition cannot be read. The engine's mutex is held.
func (e *Engine) checkGiven(p record.Partition) {
	topics := e.topics()
	if topics.reader(p.Topic) == nil {
		e.fail(fmt.Errorf("topic %q was given to this instance, whose plan does not read it: instances of one application must run the same plan", p.Topic))
	} else if count := topics.count(p.Topic); p.ID >= count && count > 0 {
		e.fail(partitionsError(p.Topic, count, p.ID+1))
	}
}

// inputs are the partitions that a task is to read.
type inputs struct {
	partitions []record.Partition
	matched    map[*plan.Node][]string // their topics, of sources with a pattern
}

// inputsOf are a task's inputs as of now: none unless all of the topics that the plan names are assigned.
// Of those that a pattern matches there are some that are assigned later, and some that are gone before
// the group takes them away. The engine's mutex is held.
func (e *Engine) inputsOf(id record.TaskID, sub *plan.Subtopology) inputs {
	topics, all := e.topics(), inputs{matched: map[*plan.Node][]string{}}
	for _, n := range sub.Nodes {
		if n.Kind != plan.Source {
			continue
		}
		for _, topic := range topics.topicsOf(n) {
			p := record.Partition{Topic: topic, ID: id.Partition}
			switch {
			case id.Partition >= topics.count(topic):
				continue
			case !e.owned[p] && n.Pattern == nil:
				return inputs{}
			case !e.owned[p]:
				continue
			}
			all.partitions = append(all.partitions, p)
			if n.Pattern != nil {
				all.matched[n] = append(all.matched[n], topic)
			}
		}
	}
	return all
}

// arrange has each task here that has inputs, and just those. A task that has others than it is to have
// commits, closes and is opened anew. It is called with moving held.
func (e *Engine) arrange(ctx context.Context) {
	var changed []*assignment
	e.mu.Lock()
	for id, a := range e.assignments {
		if !slices.Equal(a.inputs.partitions, e.inputsOf(id, a.subtopology).partitions) {
			changed = append(changed, a)
			delete(e.assignments, id)
		}
	}
	e.mu.Unlock()
	if len(changed) > 0 {
		begin := time.Now()
		for _, a := range changed {
			e.poller.halt(a.inputs.partitions)
		}
		e.close(ctx, changed, false, nil)
		e.log.Info("tasks are opened anew, their topics have changed", "tasks", len(changed), "closed_in", time.Since(begin).Round(time.Microsecond))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for p := range e.owned {
		sub := e.topics().reader(p.Topic)
		if sub == nil || e.ended {
			continue
		}
		id := record.TaskID{Subtopology: sub.ID, Partition: p.ID}
		if of := e.inputsOf(id, sub); e.assignments[id] == nil && len(of.partitions) > 0 {
			e.openTask(id, sub, of)
		}
	}
	e.tellRunning()
}

// notOf are the partitions of tasks that were given to another member than this.
func (e *Engine) notOf(member string) (of []record.Partition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.assignments {
		if a.member != member {
			of = append(of, a.inputs.partitions...)
		}
	}
	return of
}

// openTask opens a task in a goroutine of its own and gives it to the loop that has the fewest.
// The engine's mutex is held.
func (e *Engine) openTask(id record.TaskID, sub *plan.Subtopology, of inputs) {
	ctx, cancel := context.WithCancel(e.work)
	a := &assignment{
		engine: e, id: id, subtopology: sub, inputs: of, owner: rand.Int64(), member: e.memberID, loop: e.idlestLoop(),
		ctx: ctx, cancel: cancel, warm: e.standbys.detach(id), opened: make(chan struct{}),
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
func (e *Engine) revoked(ctx context.Context, of []record.Partition) {
	e.moving.Lock()
	defer e.moving.Unlock()
	e.giveUp(ctx, of, false)
}

// lost gives tasks up that belong to someone else already: nothing of them may be committed.
func (e *Engine) lost(ctx context.Context, of []record.Partition) {
	e.moving.Lock()
	defer e.moving.Unlock()
	e.giveUp(ctx, of, true)
}

// giveUp gives up the tasks that read those partitions. It is called with moving held.
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
	}
	for id, a := range e.assignments {
		if slices.ContainsFunc(a.inputs.partitions, func(p record.Partition) bool { return !e.owned[p] }) {
			gone = append(gone, a)
			delete(e.assignments, id)
		}
	}
	e.mu.Unlock()
	e.close(ctx, gone, lost, way)
	e.arrange(ctx) // what is left of a task's inputs goes on
	if !lost {
		e.joining = way
		way.Enter(GiveJoin)
	}
}

// close has each loop give up its tasks among these, all at once. The way's step ends once none is being
// opened.
func (e *Engine) close(ctx context.Context, gone []*assignment, lost bool, way *Way) {
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
