package reactor

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/record"
)

// A transaction of a task's old owner is decided within moments of the hand-over; one that is not is
// of an owner that died or sleeps.
const (
	handOverTime = 500 * time.Millisecond
	handOverLook = 50 * time.Millisecond
)

// awaitHandOver returns when no transaction stands open in the changelogs of a task that was given to
// this instance. One that stays open would hold up the task until it timed out. Its holder cannot be
// the task's owner, so it is fenced: what it did of the task must not count. If brokers do not let
// that happen, the restore waits for the timeout.
func (e *Engine) awaitHandOver(ctx context.Context, t *Task) error {
	of := slices.Collect(maps.Values(t.Changelogs()))
	if !e.config.ExactlyOnce || len(of) == 0 {
		return nil
	}
	for begin := time.Now(); ; {
		stable, err := e.admin.StableEnds(ctx, of)
		if err != nil {
			return err
		}
		ends, err := e.admin.Ends(ctx, of)
		if err != nil {
			return err
		}
		of = slices.DeleteFunc(of, func(p record.Partition) bool { return stable[p] >= ends[p] })
		if len(of) == 0 {
			return nil
		}
		if time.Since(begin) > handOverTime {
			e.fence(ctx, t.ID, of)
			return nil
		}
		timer := time.NewTimer(handOverLook)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// fence aborts what other instances of the application have open in a task's changelogs.
func (e *Engine) fence(ctx context.Context, task record.TaskID, of []record.Partition) {
	own := map[string]bool{}
	for i := range e.config.Loops {
		own[e.transactionalID(i)] = true
	}
	ids, err := e.admin.Fence(ctx, of, func(id string) bool {
		return strings.HasPrefix(id, e.config.ApplicationID+"-") && !own[id]
	})
	switch {
	case err != nil && ctx.Err() == nil:
		e.log.Warn("a transaction of the task's last owner cannot be aborted, it is waited for", "task", task, "error", err)
	case len(ids) > 0:
		e.log.Info("a transaction of the task's last owner was aborted", "task", task, "transactional_ids", ids)
	}
}
