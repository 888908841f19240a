package reactor

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/planted"
	"github.com/pitwheel/pitwheel/record"
)

// A transaction of a task's old owner is decided within moments of the hand-over; one that is not is
// of an owner that died or sleeps.
const (
	handOverTime = 500 * time.Millisecond
	handOverLook = 50 * time.Millisecond
	fenceEvery   = time.Second
	holdUpSaid   = 5 * time.Second
)

// holdUp is a wait for transactions that must be decided before a task can be opened: those in its
// changelogs, and those that hold offsets of its inputs. Which of them may be aborted:
//
//   - An open transaction in the task's changelog is of somebody who is not its owner any more, or of
//     a loop of this instance. Its offsets would be refused; so would another's if the same loop has other
//     tasks, which does them again. Since a clean hand-over ends a moment before its markers are written,
//     it is given that moment.
//   - Whose transaction holds an offset brokers do not say. But offsets are taken from members of the
//     group alone, so what an instance that is none has open can never be committed by it; and what it
//     has sent to be committed, while it was one, the coordinator has decided or decides by the fencing.
//     It is aborted at once. A member's is waited for: it is alive, or its session is about to end.
//
// A transactional id is this application's only if it is read as such as a whole.
type holdUp struct {
	engine *Engine
	task   *Task  // nil: inputs are held up, not a task
	what   string // is held up
	begin  time.Time
	fenced time.Time // when it was last tried
	said   time.Time // when it was last logged

	inquired time.Time             // when it was last looked for what hangs
	hung     map[hungKey]time.Time // what seems to, and when it was last reported
}

func (e *Engine) newHoldUp(t *Task) *holdUp {
	what := "inputs"
	if t != nil {
		what = "task " + t.ID.String()
	}
	return &holdUp{engine: e, task: t, what: what, begin: time.Now(), said: time.Now(), hung: map[hungKey]time.Time{}}
}

// awaitHandOver returns when no transaction stands open in the changelogs of a task that was given to
// this instance, and none holds offsets of its inputs.
func (e *Engine) awaitHandOver(ctx context.Context, t *Task) error {
	if !e.config.ExactlyOnce || planted.RestoreToStable {
		return nil
	}
	for h := e.newHoldUp(t); ; {
		open, err := e.undecided(ctx, slices.Collect(maps.Values(t.Changelogs())))
		if err != nil {
			return err
		}
		pending, err := e.admin.Pending(ctx, e.config.ApplicationID, t.Inputs())
		if err != nil {
			return err
		}
		if len(open)+len(pending) == 0 {
			return nil
		}
		h.act(ctx, open, pending)
		if err := pause(ctx, handOverLook); err != nil {
			return err
		}
	}
}

// undecided are those of the partitions in which a transaction stands open.
func (e *Engine) undecided(ctx context.Context, of []record.Partition) ([]record.Partition, error) {
	stable, err := e.admin.StableEnds(ctx, of)
	if err != nil {
		return nil, err
	}
	ends, err := e.admin.Ends(ctx, of)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(of, func(p record.Partition) bool { return stable[p] >= ends[p] }), nil
}

// act fences who holds up the task, if it may and it is time for it, and says what is waited for. What
// brokers do not let it find out or do is waited for: the transactions time out.
func (h *holdUp) act(ctx context.Context, open, pending []record.Partition) {
	now := time.Now()
	if now.Sub(h.fenced) < fenceEvery {
		return
	}
	h.fenced = now
	err := h.fenceDead(ctx)
	if err == nil && len(open) > 0 && now.Sub(h.begin) >= handOverTime {
		err = h.fenceHolders(ctx, open)
	} else if err == nil && len(open) > 0 {
		h.fenced = h.begin.Add(handOverTime - fenceEvery) // holders are next as soon as they may be
	}
	if err == nil && now.Sub(h.begin) >= h.engine.config.TransactionTimeout && now.Sub(h.inquired) >= inquireEvery {
		h.inquired = now
		err = h.inquire(ctx, open, pending)
	}
	if ctx.Err() != nil || now.Sub(h.said) < holdUpSaid {
		return
	}
	h.said = now
	h.engine.log.Warn("opening waits for transactions that are not decided", "task", h.task.ID, "since", now.Sub(h.begin).Round(time.Millisecond),
		"in_changelogs", open, "of_inputs", pending, "error", err)
}

// fenceDead aborts what stands open of instances that are not in the group.
func (h *holdUp) fenceDead(ctx context.Context) error {
	e := h.engine
	alive, err := e.admin.Instances(ctx, e.config.ApplicationID)
	if err != nil {
		return err
	}
	if !alive[e.config.InstanceID] {
		return nil // then this instance does not know who is
	}
	ids, err := e.admin.Ongoing(ctx, e.config.ApplicationID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if e.deserted(id, alive) {
			if err := h.fence(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// deserted says whether nobody in the group can have the transactional id. A loop of this instance that
// it does not run is of an earlier life, whose state directory is gone.
func (e *Engine) deserted(id string, alive map[string]bool) bool {
	instance, loop, ok := kafka.ParseTransactionalID(e.config.ApplicationID, id)
	if !ok {
		return false
	}
	if planted.FenceAlive {
		return true
	}
	if instance == e.config.InstanceID {
		return loop >= e.config.Loops
	}
	return !alive[instance]
}

// fenceHolders aborts what other instances of the application have open in the task's changelogs.
func (h *holdUp) fenceHolders(ctx context.Context, open []record.Partition) error {
	holders, err := h.engine.admin.Holders(ctx, open)
	if err != nil {
		return err
	}
	for i := range holders {
		x := &holders[i]
		instance, _, ours := kafka.ParseTransactionalID(h.engine.config.ApplicationID, x.ID)
		if ours && x.Ongoing() && instance != h.engine.config.InstanceID {
			if err := h.fence(ctx, x.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *holdUp) fence(ctx context.Context, id string) error {
	if err := h.engine.admin.Fence(ctx, id); err != nil {
		return err
	}
	h.engine.log.Info("a transaction that a task's last owner left open was aborted", "task", h.task.ID, "transactional_id", id)
	return nil
}

// pause waits. Error: ctx has ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
