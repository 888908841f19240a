package reactor

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pitwheel/pitwheel/changelog"
	"github.com/pitwheel/pitwheel/internal/planted"
	"github.com/pitwheel/pitwheel/record"
)

// Metadata is what is committed with each offset of the commit: number, owner and marks with
// every one, the changelog positions spread over them so that none is too large. Where a topic may
// go, and its offset with it, they stand with every one too. Error: there are
// too many stores for the task's partitions.
func (c *Commit) Metadata(positions map[string]int64) (map[record.Partition]string, error) {
	all := make(map[record.Partition]string, len(c.Offsets))
	names := slices.Sorted(maps.Keys(positions))
	for i, o := range c.Offsets {
		m := changelog.Metadata{PartitionTime: o.Time, Seq: c.Seq, Owner: c.Owner, Marks: c.marks, Positions: map[string]int64{}}
		m.Input, m.Changelogs, m.Stores = c.belongs.inputs[o.Partition.Topic], c.belongs.changelogs, c.belongs.stores
		for j, name := range names {
			if c.everyOne || j%len(c.Offsets) == i {
				m.Positions[name] = positions[name]
			}
		}
		text := m.Encode()
		if len(text) > changelog.MaxMetadata {
			return nil, fmt.Errorf("commit metadata of topic %q partition %d takes %d bytes, a broker takes %d: give the stores shorter names",
				o.Partition.Topic, o.Partition.ID, len(text), changelog.MaxMetadata)
		}
		all[o.Partition] = text
	}
	return all, nil
}

// CommittedOffset is what the group has committed for an input partition.
type CommittedOffset struct {
	At       int64
	Metadata string
}

// Proof is what the group's offsets say of a task: how far its inputs are processed and where its
// changelogs stood then.
type Proof struct {
	Found     bool // an offset is committed for at least one input
	Seq       int64
	Owner     int64
	Positions map[string]int64
	Marks     map[string]record.Time
	Offsets   map[record.Partition]Offset

	Changelogs, Stores int64                      // what they were, as an identity has it; 0: not known
	Inputs             map[record.Partition]int64 // what the topics were, as an identity has it; 0: not known
	Foreign            []record.Partition         // committed by something else, beside inputs that were not
}

// ReadProof puts together what is committed for a task's inputs.
func ReadProof(committed map[record.Partition]CommittedOffset) (Proof, error) {
	p := Proof{
		Positions: map[string]int64{}, Marks: map[string]record.Time{},
		Offsets: make(map[record.Partition]Offset, len(committed)), Inputs: map[record.Partition]int64{},
	}
	var unsigned []record.Partition
	for of, c := range committed {
		m, err := changelog.DecodeMetadata(c.Metadata)
		if err != nil {
			return p, fmt.Errorf("offset of topic %q partition %d: %w", of.Topic, of.ID, err)
		}
		p.Found = true
		if m.Input != 0 {
			p.Inputs[of] = m.Input
		}
		p.Offsets[of] = Offset{Partition: of, At: c.At, Time: m.PartitionTime}
		for name, at := range m.Marks {
			if known, ok := p.Marks[name]; !ok || at > known {
				p.Marks[name] = at
			}
		}
		if m.Seq == 0 {
			unsigned = append(unsigned, of)
		}
		if m.Seq < p.Seq {
			continue // of an older commit: this input was not one of the task's in the last one
		}
		if m.Seq > p.Seq {
			clear(p.Positions)
		}
		p.Seq, p.Owner, p.Changelogs, p.Stores = m.Seq, m.Owner, m.Changelogs, m.Stores
		for name, at := range m.Positions {
			p.Positions[name] = max(p.Positions[name], at)
		}
	}
	// Each of our commits writes the offsets of all inputs.
	if p.Seq > 0 {
		p.Foreign = unsigned
	}
	return p, nil
}

// Local is where a task's local state and its changelogs stand.
type Local struct {
	Seq       int64            // of the last commit applied
	At        record.Time      // the wall clock's time of it; 0: unknown
	Positions map[string]int64 // by logged store on disk
	Volatile  map[string]bool  // stores in memory: restored from the start
	Windows   map[string]bool  // stores whose changelog forgets by time
	Starts    map[string]int64 // by logged store: the changelog's first offset
	Ends      map[string]int64 // by logged store: the offset after the changelog's last record

	// ExactlyOnce says that local state never passed a commit. At least once, a restore takes in
	// what a crash left in the changelog behind the last commit.
	ExactlyOnce bool
}

// ErrDiverged is wrapped where local state, changelog and committed offsets contradict each other.
var ErrDiverged = errors.New("state, changelog and offsets do not belong together")

// The ways out that a refusal names. docs/reliability.md has them in full.
const (
	resetAll = "to start over, stop all instances, delete the group's offsets, the application's internal topics and its state directories"
	rebuild  = "to rebuild the state from its changelog, delete the task's directory"
)

// Check compares local state, changelogs and the proof, and returns the changelog position to
// restore from, by logged store. An error refuses to start, with every number and the ways out:
// nothing is guessed and nothing deleted.
func (p Proof) Check(l Local) (from map[string]int64, err error) {
	if planted.SkipCheck {
		return p.unchecked(l), nil
	}
	if p.Seq == 0 && l.Seq > 0 {
		why := "no offset is committed: they expired or were deleted"
		if p.Found {
			why = "the offsets were committed by something else, a tool that reset them or another program"
		}
		return nil, fmt.Errorf("%w: local state is of commit %d, but %s; put the offsets back, or %s", ErrDiverged, l.Seq, why, resetAll)
	}
	if len(p.Foreign) > 0 {
		of := p.Foreign[0]
		return nil, fmt.Errorf("%w: the offset of topic %q partition %d was committed by something else, such as a tool that reset it, while those beside it are of commit %d: put it back, or %s",
			ErrDiverged, of.Topic, of.ID, p.Seq, resetAll)
	}
	if !p.Found && l.ExactlyOnce {
		for name, at := range l.Positions {
			if at > 0 && !l.Volatile[name] {
				return nil, fmt.Errorf("%w: local state of store %q is at changelog offset %d, but no offset is committed: they expired or were deleted; put them back, or %s",
					ErrDiverged, name, at, resetAll)
			}
		}
	}
	if l.Seq > p.Seq {
		return nil, fmt.Errorf("%w: local state is of commit %d, the offsets are of commit %d: they were set back; put them back, or %s", ErrDiverged, l.Seq, p.Seq, rebuild)
	}
	from = make(map[string]int64, len(l.Ends))
	for _, name := range slices.Sorted(maps.Keys(l.Ends)) {
		if from[name], err = p.from(l, name); err != nil {
			return nil, err
		}
	}
	return from, nil
}

// unchecked is a planted bug.
func (p Proof) unchecked(l Local) map[string]int64 {
	from := make(map[string]int64, len(l.Ends))
	for name := range l.Ends {
		from[name] = max(l.Positions[name], l.Starts[name])
	}
	return from
}

// from is the changelog position to restore a store from.
func (p Proof) from(l Local, name string) (int64, error) {
	local, start, end := l.Positions[name], l.Starts[name], l.Ends[name]
	if l.Volatile[name] {
		local = 0
	}
	proven, proves := p.Positions[name]
	if proves && proven > end {
		return 0, fmt.Errorf("%w: the changelog of store %q ends at offset %d, commit %d wrote it up to %d: it lost records or was made anew; restore the topic, or %s",
			ErrDiverged, name, end, p.Seq, proven, resetAll)
	}
	if local > end || l.ExactlyOnce && proves && local > proven {
		return 0, fmt.Errorf("%w: local state of store %q is at changelog offset %d, commit %d is at %d and the changelog ends at %d; %s",
			ErrDiverged, name, local, p.Seq, proven, end, rebuild)
	}
	if local > 0 && local < start && !l.Windows[name] {
		return 0, fmt.Errorf("%w: local state of store %q is at changelog offset %d, the changelog begins at %d: records between are gone; %s",
			ErrDiverged, name, local, start, rebuild)
	}
	return max(local, start), nil
}

// Stray says whether a changelog record may not be there: under exactly-once everything that is
// committed stands before the proof's position. Offsets that are not ours prove nothing.
func (p Proof) Stray(store string, offset int64) error {
	if p.Found && p.Seq == 0 {
		return nil
	}
	if at := p.Positions[store]; offset >= at {
		return fmt.Errorf("%w: the changelog of store %q has a committed record at offset %d, commit %d wrote it up to %d: somebody else writes to it, or the offsets were deleted or set back; put them back, or %s",
			ErrDiverged, store, offset, p.Seq, at, resetAll)
	}
	return nil
}

// Reached is the changelog position that state stands at once everything up to position was read.
// Under exactly-once nothing behind the proof's position is committed: what is read there is
// markers and aborted records, and local state must not claim to be further than its commit.
func (p Proof) Reached(store string, position int64, exactlyOnce bool) int64 {
	if at, ok := p.Positions[store]; ok && exactlyOnce {
		return min(position, at)
	}
	return position
}

// Start sets where the task begins: behind the proof's commit, with its times. Inputs without a
// committed offset begin where start says.
func (t *Task) Start(p Proof, positions map[string]int64, start func(record.Partition) (int64, error)) error {
	t.seq, t.positions = p.Seq, positions
	for name, at := range p.Marks {
		*binder{t}.Mark(name) = at
	}
	clear(t.committed)
	t.streamTime = -1
	for _, in := range t.inputs {
		o, ok := p.Offsets[in.partition]
		if ok {
			t.committed[in.partition] = o.At
		} else {
			// Once found it stays: the end of a topic moves, and records before it were processed.
			at, known := t.starts[in.partition]
			if !known {
				var err error
				if at, err = start(in.partition); err != nil {
					return err
				}
				t.starts[in.partition] = at
			}
			o = Offset{At: at, Time: -1}
		}
		in.seek(o.At, o.Time)
		t.streamTime = max(t.streamTime, o.Time)
	}
	return t.start()
}
