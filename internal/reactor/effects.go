package reactor

import (
	"github.com/pitwheel/pitwheel/changelog"
	"github.com/pitwheel/pitwheel/internal/planted"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// Commit is what a task wants committed: one generation of its state and how far it has come. It
// is immutable, so the task may go on processing while it is carried out.
type Commit struct {
	Seq       int64
	Owner     int64
	Changelog []Entry  // to be produced, by store, then by key
	Offsets   []Offset // of every input partition, in order

	frozen    *store.Frozen
	everyOne  bool // of the offsets has all changelog positions beside it
	belongs   belonging
	positions map[string]int64 // before this commit's records
	marks     map[string]record.Time
	counters  Counters // as of the freeze
}

// Entry is a changelog record of a store.
type Entry struct {
	Store  string
	Record processor.Output
}

// Offset is how far an input partition was processed.
type Offset struct {
	Partition record.Partition
	At        int64
	Time      record.Time // the partition's highest event time; -1: none
}

// Freeze ends a generation: record caches emit what they held back, then what was written to
// stores since the last Freeze is encoded. Later writes do not change it. Nil: nothing has
// happened since the last commit. The outputs of the flush are the commit's too: take them after.
func (t *Task) Freeze() (*Commit, error) {
	t.current = nil
	for _, flush := range t.flushes {
		if err := flush(); err != nil {
			return nil, t.taskError(err)
		}
	}
	frozen := t.space.Freeze()
	if err := t.space.Err(); err != nil {
		return nil, t.taskError(err)
	}
	c := &Commit{Seq: t.seq + 1, Owner: t.config.Owner, frozen: frozen, positions: t.positions, belongs: t.belongs, marks: map[string]record.Time{}, counters: t.Counters()}
	c.everyOne = len(t.config.Matched) > 0
	moved := len(frozen.Stores) > 0 || t.punctuated
	t.punctuated = false
	for _, in := range t.inputs {
		at := in.next
		if planted.CommitPolled {
			at = in.fetched
		}
		committed, ever := t.committed[in.partition]
		if planted.DropIdleOffsets && ever && in.next == committed {
			continue
		}
		c.Offsets = append(c.Offsets, Offset{Partition: in.partition, At: at, Time: in.time})
		moved = moved || in.next != committed || !ever
	}
	if !moved {
		return nil, nil
	}
	c.counters.Out += int64(len(t.outputs.Records)) // taken after this, and part of this commit
	for name, at := range t.marks {
		if *at >= 0 {
			c.marks[name] = *at
		}
	}
	for i := range frozen.Stores {
		t.encode(c, &frozen.Stores[i])
	}
	return c, nil
}

// encode adds a store's rows as changelog records, if it has a changelog.
func (t *Task) encode(c *Commit, frozen *store.FrozenStore) {
	var topic *processor.Topic
	var headers record.Headers
	for _, s := range t.stores {
		if s.plan.Name == frozen.Name {
			topic, headers = s.changelog, s.plan.Headers
		}
	}
	if topic == nil {
		return
	}
	rows := frozen.Changelog()
	size := 0
	for i := range rows {
		size += len(rows[i].Key) + 16
	}
	keys := make([]byte, 0, size)
	for i := range rows {
		row := &rows[i]
		at := len(keys)
		keys = changelog.AppendKey(keys, frozen.Keys, row)
		out := processor.Output{
			Topic: topic, Partition: t.ID.Partition, Key: keys[at:len(keys):len(keys)], Value: row.Value, Time: row.Time,
		}
		if row.Value != nil {
			out.Headers = headers
		}
		c.Changelog = append(c.Changelog, Entry{Store: frozen.Name, Record: out})
	}
}

// Positions are the changelog offsets after the commit's records: acked are the offsets after the
// last acknowledged record, by store.
func (c *Commit) Positions(acked map[string]int64) map[string]int64 {
	positions := make(map[string]int64, len(c.positions)+len(acked))
	for name, at := range c.positions {
		positions[name] = at
	}
	for name, at := range acked {
		positions[name] = max(positions[name], at)
	}
	return positions
}

// Apply puts a committed generation into local state, in one batch with its positions. Commits
// are applied in the order they were frozen.
// at is the wall clock's time.
func (t *Task) Apply(c *Commit, positions map[string]int64, at record.Time) error {
	if planted.ApplyBeforeEnd && t.seq == c.Seq {
		return nil
	}
	t.seq, t.positions, t.counted = c.Seq, positions, c.counters
	for _, o := range c.Offsets {
		t.committed[o.Partition] = o.At
	}
	if err := t.space.Apply(c.frozen, store.Checkpoint{Seq: c.Seq, Positions: positions, At: at}); err != nil {
		return t.taskError(err)
	}
	return nil
}

// Abort drops all that was not applied: writes, outputs, buffered records, and what steps keep for
// themselves, such as their stream time: they are made anew, as after a restart, and processors are
// closed. Start must follow, which sets them up again.
func (t *Task) Abort() {
	t.drop()
	if !planted.KeepCache {
		t.space.Abort()
	}
	t.batches.take()
	t.outputs = processor.Outputs{}
	t.punctuations, t.punctuated = &punctuations{}, false
	t.config.Errors.giveBack(t.counters, t.counted)
	t.flushes, t.aheads, t.inputs, t.current = nil, nil, nil, nil
	t.marks = map[string]*record.Time{}
	t.bind()
	t.recount()
}
