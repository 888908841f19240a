package reactor

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/planted"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/tracing"
)

// commit makes what the loop's tasks did since the last one come true, for all of them together.
// Under both guarantees the order is this; at-least-once merely has no transaction around it.
//
//  1. Membership. Without one a commit would not be fenced, and under another than the tasks were
//     given to it could be of tasks that belong to someone else by now: it waits.
//  2. Freeze. Record caches emit, what is dirty is encoded: this generation is immutable now.
//  3. Produce. Its outputs and changelog records go on their way.
//  4. Flush. All are acknowledged, and their offsets known; if one failed, nothing is committed.
//  5. Offsets, with the proof of the commit beside them, and the end of the transaction.
//  6. Apply. One batch of local state for each task, with the changelog positions reached.
//
// After an error in 3 to 5 it is not known what the brokers did: recover asks.
func (l *loop) commit(ctx context.Context) error {
	l.way = l.begin()
	l.way.Enter(CommitMember)
	if !l.owns(l.engine.group.Member()) { // 1
		l.dirty = true
		return nil
	}
	return l.commitNow(ctx)
}

// begin is the loop's way through the steps of a commit or what comes of it.
func (l *loop) begin() *Way { return l.engine.config.Probe.Begin(Moment{Loop: l.index}) }

// owns says whether the member is the one to whom the group gave the loop's tasks.
func (l *loop) owns(member kafka.Member) bool {
	if planted.CommitUnjoined {
		return true
	}
	if planted.SkipMember {
		return member.Joined()
	}
	return member.Joined() && !slices.ContainsFunc(l.tasks, func(r *running) bool { return r.assignment.member != member.ID })
}

func (l *loop) commitNow(ctx context.Context) (err error) {
	begin := time.Now()
	way := l.way
	defer func() { way.End(err) }()
	way.Enter(CommitFreeze)
	g, err := l.freeze() // 2
	if err == nil && len(g.commits) == 0 {
		return nil
	}
	defer l.trace(g, begin)(&err)
	if err != nil {
		return err
	}
	if planted.PurgeEarly {
		l.engine.purger.purgeEarly(ctx, g)
	}
	way.Enter(CommitProduce)
	l.span.enter("produce")
	l.waits("producing and committing")
	defer l.waits("")
	if err := l.produceChangelogs(ctx, g); err != nil { // 3
		return l.recover(ctx, g, err)
	}
	way.Enter(CommitFlush)
	l.span.enter("flush")
	if !planted.SkipFlush {
		if err := l.producer.Flush(ctx); err != nil { // 4
			return l.recover(ctx, g, err)
		}
	}
	offsets, err := l.offsets(g)
	if err != nil {
		return err
	}
	// The membership as it is by now: a rebalance that took none of these tasks is no obstacle. But
	// without one the coordinator would take the offsets from anybody.
	member := l.engine.group.Member()
	if !l.owns(member) {
		return l.recover(ctx, g, errNotJoined)
	}
	if planted.ApplyBeforeEnd {
		if err := l.apply(g); err != nil {
			return err
		}
	}
	way.Enter(CommitEnd)
	l.span.enter("end")
	if err := l.producer.Commit(ctx, member, offsets); err != nil && !planted.TrustEndDone { // 5
		return l.recover(ctx, g, err)
	}
	l.trouble = trouble{}
	way.Enter(CommitApply)
	l.span.enter("apply")
	if err := l.apply(g); err != nil { // 6
		return err
	}
	l.forgetRefused()
	l.note(g, time.Since(begin))
	return nil
}

// trace begins the commit's span, which links to the turns that it commits, and returns what ends it.
func (l *loop) trace(g *generation, begin time.Time) (end func(err *error)) {
	if l.engine.config.Tracer == nil {
		return func(*error) {}
	}
	var links []tracing.Context
	for r := range g.commits {
		links = append(links, r.task.batches.take()...)
	}
	l.span = l.engine.start("commit", begin, links[:min(len(links), tracing.LinksMax)])
	l.span.set("loop", l.index)
	l.span.set("tasks", len(g.commits))
	l.span.enterAt("freeze", begin)
	return func(err *error) {
		l.span.end(*err)
		l.span = nil
	}
}

var errNotJoined = errors.New("the membership was lost before the commit")

// committedOnce counts a commit and reports it.
func (l *loop) committedOnce(took time.Duration) {
	now := time.Now()
	l.commits++
	l.published.latency.Observe(took)
	l.published.committed.Store(now.UnixNano())
	l.published.uncommitted.Store(0)
	l.report(now)
}

// note counts the commit and has what it consumed of repartition topics purged.
func (l *loop) note(g *generation, took time.Duration) {
	l.committedOnce(took)
	records := 0
	for _, c := range g.commits {
		records += len(c.Changelog)
		l.engine.purger.consumed(c)
	}
	l.log.Debug("committed", "loop", l.index, "tasks", len(g.commits), "changelog_records", records, "took", took)
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
		r.task.batches.flush(l.span)
		err := l.produceOutputs(ctx, r)
		r.task.batches.flush(nil)
		if err != nil {
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
				ack = l.producer.NewAck()
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
		if planted.PositionsStandStill {
			clear(acked)
		}
		positions := c.Positions(acked)
		g.positions[r] = positions
		metadata, err := c.Metadata(positions)
		if err != nil {
			return nil, err
		}
		for _, o := range c.Offsets {
			all = append(all, kafka.Offset{
				Partition: o.Partition, TopicID: l.engine.topics().id(o.Partition.Topic),
				At: o.At, Metadata: metadata[o.Partition],
			})
		}
	}
	return all, nil
}

func (l *loop) apply(g *generation) error {
	for r, c := range g.commits {
		if err := r.task.Apply(c, g.positions[r], l.now()); err != nil {
			return err
		}
	}
	return nil
}

// now is the wall clock's time, for checkpoints.
func (l *loop) now() record.Time { return record.TimeOf(time.Now()) }
