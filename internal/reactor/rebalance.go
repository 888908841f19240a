package reactor

import (
	"context"
	"math/rand/v2"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/record"
)

// assigned opens the tasks of the partitions that the group gave. The group does not wait for it:
// other tasks go on while state is restored.
func (e *Engine) assigned(_ context.Context, of []record.Partition) {
	e.progress()
	e.partitions.Add(int64(len(of)))
	e.mu.Lock()
	for _, p := range of {
		sub := e.topics.reader(p.Topic)
		id := record.TaskID{Subtopology: sub.ID, Partition: p.ID}
		if e.assignments[id] == nil {
			e.openTask(id, sub)
		}
	}
	e.mu.Unlock()
	e.tellRunning()
}

// openTask opens a task in a goroutine of its own and gives it to the loop that has the fewest.
// The engine's mutex is held.
func (e *Engine) openTask(id record.TaskID, sub *plan.Subtopology) {
	ctx, cancel := context.WithCancel(e.work)
	a := &assignment{
		id: id, subtopology: sub, owner: rand.Int64(), loop: e.idlestLoop(),
		cancel: cancel, opened: make(chan struct{}),
	}
	e.assignments[id] = a
	go func() {
		defer close(a.opened)
		select {
		case e.openings <- struct{}{}:
			defer func() { <-e.openings }()
		case <-ctx.Done():
			a.failed = true
			return
		}
		restored, err := e.open(ctx, a)
		if err != nil {
			a.failed = true
			a.lifecycle.to(TaskClosed)
			if a.space != nil {
				// What was restored stays on disk: it is committed data.
				_ = a.space.Flush()
				_ = a.space.Close()
			}
			if ctx.Err() == nil {
				e.fail(err)
			}
			return
		}
		if f := e.config.OnRestored; f != nil {
			f(id, restored)
		}
		a.loop.inbox.do(func(context.Context) error {
			a.loop.add(a)
			e.tellRunning()
			return nil
		})
	}()
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

func (e *Engine) giveUp(ctx context.Context, of []record.Partition, lost bool) {
	e.progress()
	e.poller.drop(of)
	e.partitions.Add(-int64(len(of)))
	e.mu.Lock()
	var gone []*assignment
	for _, p := range of {
		id := record.TaskID{Subtopology: e.topics.reader(p.Topic).ID, Partition: p.ID}
		if a := e.assignments[id]; a != nil {
			gone = append(gone, a)
			delete(e.assignments, id)
		}
	}
	e.mu.Unlock()
	for _, a := range gone {
		a.cancel()
		<-a.opened
		if a.failed {
			continue
		}
		removed := make(chan struct{})
		a.loop.inbox.do(func(ctx context.Context) error {
			defer close(removed)
			return a.loop.remove(ctx, a.id, lost)
		})
		select {
		case <-removed:
		case <-e.work.Done():
		case <-ctx.Done():
		}
	}
	e.tellRunning()
}

// tellRunning says whether all assigned tasks run.
func (e *Engine) tellRunning() {
	if e.config.OnRunning == nil {
		return
	}
	e.mu.Lock()
	all := true
	for _, a := range e.assignments {
		all = all && a.lifecycle.state() == TaskRunning
	}
	e.mu.Unlock()
	e.config.OnRunning(all)
}
