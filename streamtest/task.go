package streamtest

import (
	"errors"
	"fmt"

	"github.com/pitwheel/pitwheel/changelog"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/internal/reactor"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// task is one of the plan's tasks, and what the broker would know of it.
type task struct {
	*reactor.Task
	id          record.TaskID
	subtopology *plan.Subtopology
	whole       bool // it keeps global stores
	space       *store.Space

	committed *reactor.Commit  // the last one; nil: none
	positions map[string]int64 // of the changelogs behind it
}

// open makes the task's state from its changelogs and starts it behind its committed offsets, as
// the engine does it: proof, check, replay, start.
func (d *Driver) open(t *task) error {
	space, err := store.OpenSpace(store.SpaceConfig{Logger: d.log})
	if err != nil {
		return err
	}
	t.space = space
	t.Task, err = reactor.NewTask(reactor.TaskConfig{
		ID: t.id, ApplicationID: d.settings.applicationID, Subtopology: t.subtopology,
		Policies: d.settings.policies, Errors: d.errors, Owner: d.owner, Space: space, Logger: d.log, WatchSteps: true, Now: d.wall,
		Topic:   func(name string) *processor.Topic { return &d.topic(name).Topic },
		Matched: d.matched, Globals: d.global, Whole: t.whole,
	})
	if err != nil {
		return err
	}
	d.enqueue(t)
	if t.whole {
		return d.refill(t)
	}
	proof, err := t.proof()
	if err != nil {
		return err
	}
	positions, err := d.restore(t, proof)
	if err != nil {
		return fmt.Errorf("task %s: %w", t.id, err)
	}
	return t.Start(proof, positions, func(record.Partition) (int64, error) { return 0, nil })
}

// global is a global store by its name.
func (d *Driver) global(name string) (*plan.Store, *store.Committed) {
	for _, t := range d.tasks {
		for _, s := range t.subtopology.Stores {
			if t.whole && s.Name == name && t.space != nil {
				return s, t.space.Committed(name)
			}
		}
	}
	return nil, nil
}

// refill makes global stores anew of the records that were processed before.
func (d *Driver) refill(t *task) error {
	before := t.committed
	t.committed, t.positions = nil, nil
	if err := t.Start(reactor.Proof{}, nil, func(record.Partition) (int64, error) { return 0, nil }); err != nil || before == nil {
		return err
	}
	n := 0
	for _, o := range before.Offsets {
		kept := d.topic(o.Partition.Topic).kept[o.Partition.ID][:o.At]
		t.Feed(o.Partition, kept, o.At, o.At)
		n += len(kept)
	}
	if _, err := t.Step(n); err != nil {
		return err
	}
	return d.commit(t)
}

// enqueue makes the queues of the task's inputs, once.
func (d *Driver) enqueue(t *task) {
	for _, of := range t.Inputs() {
		topic := d.topic(of.Topic)
		if topic.queues[of.ID] == nil {
			q := &queue{of: of, task: t}
			topic.queues[of.ID] = q
			d.queues = append(d.queues, q)
		}
	}
}

// proof is what the group's offsets say.
func (t *task) proof() (reactor.Proof, error) {
	committed := map[record.Partition]reactor.CommittedOffset{}
	if t.committed != nil {
		metadata, err := t.committed.Metadata(t.positions)
		if err != nil {
			return reactor.Proof{}, err
		}
		for _, o := range t.committed.Offsets {
			committed[o.Partition] = reactor.CommittedOffset{At: o.At, Metadata: metadata[o.Partition]}
		}
	}
	return reactor.ReadProof(committed)
}

// restore replays the changelogs into the space, which is empty.
func (d *Driver) restore(t *task, proof reactor.Proof) (positions map[string]int64, err error) {
	local := reactor.Local{Ends: map[string]int64{}}
	changelogs := t.Changelogs()
	for name, of := range changelogs {
		local.Ends[name] = d.topic(of.Topic).ends[of.ID]
	}
	if positions, err = proof.Check(local); err != nil {
		return nil, err
	}
	for _, s := range t.subtopology.Stores {
		of, logged := changelogs[s.Name]
		if !logged || local.Ends[s.Name] == 0 {
			continue
		}
		var rows []store.FrozenEntry
		for i := range d.topic(of.Topic).written {
			w := &d.topic(of.Topic).written[i]
			if w.Partition != of.ID || w.Offset < positions[s.Name] {
				continue
			}
			row, err := changelog.Row(s.Kind.Keys(), &w.Raw)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		if err := t.space.Restore(s.Name, rows, local.Ends[s.Name]); err != nil {
			return nil, err
		}
		positions[s.Name] = local.Ends[s.Name]
	}
	return positions, d.reread(t, proof)
}

// reread makes the stores anew whose source's topic stands for a changelog.
func (d *Driver) reread(t *task, proof reactor.Proof) error {
	for _, s := range t.subtopology.Stores {
		if s.Source == "" {
			continue
		}
		input, all := record.Partition{Topic: s.Source, ID: t.id.Partition}, d.topic(s.Source).kept
		if int(input.ID) >= len(all) {
			continue
		}
		kept := all[input.ID][:proof.Offsets[input].At]
		read, time := s.Rows(), record.Time(-1)
		var rows []store.FrozenEntry
		for i := range kept {
			row, ok, err := read(&kept[i], time)
			if err != nil {
				return err
			}
			if ok {
				time = max(time, row.Time)
				rows = append(rows, row)
			}
		}
		if err := t.space.Restore(s.Name, rows, 0); err != nil {
			return err
		}
	}
	return nil
}

// process takes one record through its task and commits it.
func (d *Driver) process(q *queue, head []record.Raw) error {
	next := head[0].Offset + 1
	// That is all there is of the input, says the end, so the task does not wait for more.
	q.task.Feed(q.of, head, next, next)
	if _, err := q.task.Step(1); err != nil {
		return err
	}
	return d.commit(q.task)
}

// punctuate does what is due by the wall clock in a task, and commits it.
func (d *Driver) punctuate(t *task) error {
	fired, err := t.Punctuate(d.wall())
	if !fired || err != nil {
		return err
	}
	return d.commit(t)
}

// wall is what the wall clock shows.
func (d *Driver) wall() record.Time { return record.TimeOf(d.now) }

// commit writes what the task has put out: what the record made, what record caches held back,
// then the changelogs. Nothing is written before the flush of the caches has succeeded (T4).
func (d *Driver) commit(t *task) error {
	stepped := t.TakeOutputs()
	c, err := t.Freeze()
	if err != nil {
		return err
	}
	flushed := t.TakeOutputs()
	for i := range stepped {
		d.write(&stepped[i])
	}
	for i := range flushed {
		d.write(&flushed[i])
	}
	if c == nil {
		return nil
	}
	acked := make(map[string]int64, len(t.positions))
	for i := range c.Changelog {
		acked[c.Changelog[i].Store] = d.write(&c.Changelog[i].Record)
	}
	t.committed, t.positions = c, c.Positions(acked)
	return t.Apply(c, t.positions, 0)
}

func (t *task) close() error {
	if t.space == nil {
		return nil
	}
	space := t.space
	t.space = nil
	var err error
	if t.Task != nil {
		err = t.Close()
	}
	return errors.Join(err, space.Close())
}
