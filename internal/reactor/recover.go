package reactor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/planted"
	"github.com/pitwheel/pitwheel/record"
)

// trouble is how long commits have been failing.
type trouble struct {
	rounds    int       // in a row
	notBefore time.Time // when the next one may be tried
}

// maxRounds of failing in a row, each up to a second after the one before, end the loop: what fails
// for so long will not mend itself. A lost membership shows within a few of them.
const maxRounds = 60

func (t *trouble) add(now time.Time) {
	t.rounds++
	t.notBefore = now.Add(min(20*time.Millisecond<<min(t.rounds, 10), time.Second))
}

// recover is the way out of a commit that was not confirmed, and of a record that could not be
// produced (g is nil). A new producer of the same id fences whatever of the old one is still on the
// way, and comes up once its transaction is decided; then the committed offsets' metadata says how:
// committed if it has this commit's number and owner. What was is applied, the rest done again.
func (l *loop) recover(ctx context.Context, g *generation, cause error) (err error) {
	begin := time.Now()
	l.way.End(cause)
	l.way = l.begin()
	defer func() { l.way.End(err) }()
	l.waits("recovering from a commit that was not confirmed")
	defer l.waits("")
	l.log.Warn("commit not confirmed, asking the brokers what became of it", "loop", l.index, "rounds", l.trouble.rounds, "error", cause)
	l.span.failed(cause)
	l.span.enter("recover")
	suspects := l.producer.Suspects()
	if err := l.engine.topics().readLimits(ctx, tooLarge(suspects)); err != nil {
		return errors.Join(cause, err)
	}
	l.way.Enter(RecoverRenew)
	if err := l.producer.Renew(ctx); err != nil {
		return errors.Join(cause, err)
	}
	l.way.Enter(RecoverAsk)
	again, err := l.settle(ctx, g)
	if err != nil {
		return errors.Join(cause, err)
	}
	l.way.Enter(RecoverSettle)
	if len(again) == 0 {
		l.log.Info("the commit was done after all", "loop", l.index)
		l.trouble = trouble{}
		l.committedOnce(time.Since(begin))
		return nil
	}
	if found, err := l.findRefused(ctx, suspects); err != nil {
		return err
	} else if found {
		l.trouble = trouble{}
		return l.rewind(ctx, again)
	}
	if err := l.engine.topics().gone(ctx, cause); err != nil {
		return err
	}
	if parked, err := l.parkReaders(ctx, cause); err != nil {
		return err
	} else if parked {
		return l.rewind(ctx, slices.DeleteFunc(again, func(r *running) bool { return !slices.Contains(l.tasks, r) }))
	}
	l.trouble.add(time.Now())
	// What was refused and is not found now may have been refused for the company it was in.
	// A topic that is there by now, a broker did not know yet.
	if kafka.Permanent(cause) && !kafka.Refused(cause) && !kafka.UnknownTopic(cause) || l.trouble.rounds > maxRounds {
		return fmt.Errorf("commit: %w", cause)
	}
	return l.rewind(ctx, again)
}

// settle applies the commits that were done, and returns the tasks that have to do theirs again. A
// transaction has all of them or none; without transactions offsets are written one by one.
func (l *loop) settle(ctx context.Context, g *generation) (again []*running, err error) {
	if g == nil {
		return slices.Clone(l.tasks), nil
	}
	proofs, err := l.engine.proofs(ctx, l.tasks)
	if err != nil {
		return nil, err
	}
	for _, r := range l.tasks {
		c := g.commits[r]
		if c == nil {
			continue // it had nothing to commit, so it has nothing to do again
		}
		mine := proofs[r].Owner == c.Owner || planted.IgnoreOwner
		if proofs[r].Seq != c.Seq || !mine || planted.TrustEndUndone {
			again = append(again, r)
			continue
		}
		if g.positions[r] == nil {
			return nil, fmt.Errorf("task %s: commit %d is in the offsets before it was sent", r.task.ID, c.Seq)
		}
		if err := r.task.Apply(c, g.positions[r], l.now()); err != nil {
			return nil, err
		}
	}
	return again, nil
}

// parkReaders sets the tasks aside that read a topic which a pattern matched and which is gone, if that may
// be why a commit failed: until they are opened anew without it nothing of them can be committed.
func (l *loop) parkReaders(ctx context.Context, cause error) (parked bool, err error) {
	if !kafka.UnknownTopic(cause) {
		return false, nil
	}
	gone, err := l.engine.topics().vanished(ctx)
	if err != nil {
		return false, err
	}
	for _, r := range slices.Clone(l.tasks) {
		if slices.ContainsFunc(r.task.Inputs(), func(p record.Partition) bool { return slices.Contains(gone, p.Topic) }) {
			l.park(r, "a topic that it reads was deleted")
			parked = true
		}
	}
	if parked {
		select {
		case l.engine.lookNow <- struct{}{}:
		default:
		}
	}
	return parked, nil
}

// rewind drops what those tasks did since their last commit and goes back to it.
func (l *loop) rewind(ctx context.Context, tasks []*running) error {
	if len(tasks) == 0 {
		return nil
	}
	l.aborts++
	l.refusals.aborted()
	defer l.refuse()
	tasks = slices.Clone(tasks)
	proofs, err := l.engine.proofs(ctx, tasks)
	if err != nil {
		return err
	}
	back := map[record.Partition]int64{}
	var routes []*route
	for _, r := range tasks {
		if proofs[r].Seq != r.task.seq {
			l.park(r, "somebody else has committed for it")
			continue
		}
		r.task.Abort()
		// A task that is being given up has nothing to go back for, and an input of it may be gone.
		if err := l.engine.startTask(r.assignment.ctx, r.task, proofs[r], r.task.positions); err != nil {
			if r.assignment.ctx.Err() != nil && ctx.Err() == nil {
				l.park(r, "it is being given up")
				continue
			}
			return err
		}
		r.renewRoutes()
		for _, in := range r.task.inputs {
			back[in.partition] = in.next
			routes = append(routes, r.routes[in.partition])
		}
	}
	if !planted.NoRewind {
		l.engine.poller.seek(back, routes)
	}
	l.report(time.Now())
	return nil
}

// proofs asks for the committed offsets of the inputs of tasks, all at once.
func (e *Engine) proofs(ctx context.Context, tasks []*running) (map[*running]Proof, error) {
	var inputs []record.Partition
	for _, r := range tasks {
		inputs = append(inputs, r.task.Inputs()...)
	}
	committed, err := e.committed(ctx, inputs)
	if err != nil {
		return nil, err
	}
	proofs := make(map[*running]Proof, len(tasks))
	for _, r := range tasks {
		of := map[record.Partition]CommittedOffset{}
		for _, p := range r.task.Inputs() {
			if c, ok := committed[p]; ok {
				of[p] = c
			}
		}
		if proofs[r], err = ReadProof(of); err != nil {
			return nil, fmt.Errorf("task %s: %w", r.task.ID, err)
		}
	}
	return proofs, nil
}
