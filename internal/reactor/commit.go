package reactor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/record"
)

// commit makes what the loop's tasks did since the last one come true, for all of them together.
// Under both guarantees the order is this; at-least-once merely has no transaction around it.
//
//  1. Membership. Without one a commit would not be fenced: it waits.
//  2. Freeze. Record caches emit, what is dirty is encoded: this generation is immutable now.
//  3. Produce. Its outputs and changelog records go on their way.
//  4. Flush. All are acknowledged, and their offsets known; if one failed, nothing is committed.
//  5. Offsets, with the proof of the commit beside them, and the end of the transaction.
//  6. Apply. One batch of local state for each task, with the changelog positions reached.
//
// After an error in 3 to 5 it is not known what the brokers did: recover asks.
func (l *loop) commit(ctx context.Context) error {
	member := l.engine.consumer.Member() // 1
	if !member.Joined() {
		l.dirty = true
		return nil
	}
	begin := time.Now()
	g, err := l.freeze() // 2
	if err != nil || len(g.commits) == 0 {
		return err
	}
	if err := l.produceChangelogs(ctx, g); err != nil { // 3
		return l.recover(ctx, g, err)
	}
	if err := l.producer.Flush(ctx); err != nil { // 4
		return l.recover(ctx, g, err)
	}
	offsets, err := l.offsets(g)
	if err != nil {
		return err
	}
	if err := l.producer.Commit(ctx, member, offsets); err != nil { // 5
		return l.recover(ctx, g, err)
	}
	l.failures = 0
	if err := l.apply(g); err != nil { // 6
		return err
	}
	l.committed(g, time.Since(begin))
	return nil
}

// generation is one commit of a loop: its tasks' commits and how far their changelogs got.
type generation struct {
	commits   map[*running]*Commit
	acks      map[*running]map[string]*kafka.Ack
	positions map[*running]map[string]int64
}

func (l *loop) freeze() (*generation, error) {
	g := &generation{
		commits:   map[*running]*Commit{},
		acks:      map[*running]map[string]*kafka.Ack{},
		positions: map[*running]map[string]int64{},
	}
	for _, r := range l.tasks {
		c, err := r.task.Freeze()
		if err != nil {
			return g, err
		}
		if c != nil {
			g.commits[r] = c
		}
	}
	return g, nil
}

// produceChangelogs sends what the freeze made: outputs of record caches, then changelog records.
func (l *loop) produceChangelogs(ctx context.Context, g *generation) error {
	for _, r := range l.tasks {
		if err := l.produceOutputs(ctx, r); err != nil {
			return err
		}
		c := g.commits[r]
		if c == nil {
			continue
		}
		acks := map[string]*kafka.Ack{}
		g.acks[r] = acks
		for i := range c.Changelog {
			entry := &c.Changelog[i]
			ack := acks[entry.Store]
			if ack == nil {
				ack = &kafka.Ack{}
				acks[entry.Store] = ack
			}
			if err := l.producer.Produce(ctx, &entry.Record, ack); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loop) produceOutputs(ctx context.Context, r *running) error {
	out := r.task.TakeOutputs()
	for i := range out {
		if err := l.producer.Produce(ctx, &out[i], nil); err != nil {
			return err
		}
	}
	return nil
}

// offsets are the positions of every input of the tasks that commit, with the proof beside them.
func (l *loop) offsets(g *generation) ([]kafka.Offset, error) {
	var all []kafka.Offset
	for r, c := range g.commits {
		acked := map[string]int64{}
		for store, ack := range g.acks[r] {
			acked[store] = ack.Next()
		}
		positions := c.Positions(acked)
		g.positions[r] = positions
		metadata, err := c.Metadata(positions)
		if err != nil {
			return nil, err
		}
		for _, o := range c.Offsets {
			all = append(all, kafka.Offset{
				Partition: o.Partition, TopicID: l.engine.topics.id(o.Partition.Topic),
				At: o.At, Metadata: metadata[o.Partition],
			})
		}
	}
	return all, nil
}

func (l *loop) apply(g *generation) error {
	for r, c := range g.commits {
		if err := r.task.Apply(c, g.positions[r]); err != nil {
			return err
		}
	}
	return nil
}

// maxFailures in a row end the loop: what fails again and again will not mend itself.
const maxFailures = 10

// recover is the way out of a commit that was not confirmed. A new producer of the same id fences
// whatever of it is still on the way, and comes up once the transaction is decided; then the
// committed offsets' metadata says how: committed if it has this commit's number and owner.
func (l *loop) recover(ctx context.Context, g *generation, cause error) error {
	l.failures++
	l.log.Warn("commit not confirmed, asking the brokers what became of it", "loop", l.index, "failures", l.failures, "error", cause)
	if err := l.producer.Renew(ctx); err != nil {
		return errors.Join(cause, err)
	}
	committed, err := l.wasCommitted(ctx, g)
	if err != nil {
		return errors.Join(cause, err)
	}
	if committed {
		l.log.Info("the commit was done after all", "loop", l.index)
		return l.apply(g)
	}
	if kafka.Permanent(cause) || l.failures >= maxFailures {
		return fmt.Errorf("commit: %w", cause)
	}
	return l.rewind(ctx)
}

// wasCommitted asks for one task of the generation: a transaction has them all or none. Without
// transactions offsets are written one by one, so all are asked.
func (l *loop) wasCommitted(ctx context.Context, g *generation) (bool, error) {
	for r, c := range g.commits {
		proof, err := l.engine.proof(ctx, r.task)
		if err != nil {
			return false, err
		}
		if proof.Seq != c.Seq || proof.Owner != c.Owner {
			return false, nil
		}
		if g.positions[r] == nil {
			return false, fmt.Errorf("task %s: commit %d is in the offsets before it was sent", r.task.ID, c.Seq)
		}
	}
	return len(g.commits) > 0, nil
}

// rewind drops all that is not committed and goes back to the committed offsets.
func (l *loop) rewind(ctx context.Context) error {
	l.aborts++
	back := map[record.Partition]int64{}
	for _, r := range l.tasks {
		r.task.Abort()
		proof, err := l.engine.proof(ctx, r.task)
		if err != nil {
			return err
		}
		if err := l.engine.startTask(ctx, r.task, proof, r.task.positions); err != nil {
			return err
		}
		for _, in := range r.task.inputs {
			back[in.partition] = in.next
		}
		r.renewRoutes()
	}
	l.engine.poller.seek(back, l.routes())
	return nil
}
