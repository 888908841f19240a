package store

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/pitwheel/pitwheel/record"
)

// origin is where a store's applied rows are and how they are laid out: what of a store does not
// depend on its types.
type origin struct {
	name     string
	base     *base  // nil: the store could not be opened
	prefix   []byte // of its rows' keys in the backend
	windowed bool
	keep     record.Time // retention in milliseconds; 0: for ever
	applied  reach
	rowKey   []byte
}

// reach is how far a window store has come.
type reach struct {
	max   record.Time // highest start written; -1: none
	floor record.Time // below it everything was removed since the space was opened
}

func newOrigin(d Definition, windowed bool) origin {
	return origin{
		name: d.Name, windowed: windowed, applied: reach{max: -1},
		keep: record.Time(d.Retention.Milliseconds()),
	}
}

func (o *origin) core() *origin { return o }

// attach finds or makes the store in b.
func (o *origin) attach(b *base) error {
	number, err := b.number(o.name, o.windowed)
	if err != nil {
		return err
	}
	if o.windowed {
		if o.applied.max, err = b.maxStart(o.name); err != nil {
			return err
		}
	}
	o.base, o.prefix = b, dataPrefix(number)
	return nil
}

// floorAt is the lowest start that is there once max was written. Kafka Streams: observed stream
// time - retention + 1.
func (o *origin) floorAt(highest record.Time) record.Time {
	if o.keep <= 0 || highest < 0 {
		return 0
	}
	return max(0, highest-o.keep+1)
}

// key is the backend's key of a row, valid until the next call.
func (o *origin) key(start record.Time, key []byte) []byte {
	o.rowKey = append(o.rowKey[:0], o.prefix...)
	if o.windowed {
		o.rowKey = appendStart(o.rowKey, start)
	}
	o.rowKey = append(o.rowKey, key...)
	return o.rowKey
}

// split takes a key of the backend apart; key is a view.
func (o *origin) split(rowKey []byte) (start record.Time, key []byte, err error) {
	local := rowKey[len(o.prefix):]
	if !o.windowed {
		return 0, local, nil
	}
	return splitStart(local)
}

// write puts a generation's part into a batch.
func (o *origin) write(b batch, f *FrozenStore) {
	if f.Floor > o.applied.floor {
		o.expire(b, f.Floor)
	}
	var row []byte
	for i := range f.Entries {
		e := &f.Entries[i]
		if e.Value == nil {
			b.remove(o.key(e.Start, e.Key))
			continue
		}
		row = appendRow(row[:0], e.Time, e.Value)
		b.set(o.key(e.Start, e.Key), row)
	}
	if f.max > o.applied.max {
		o.writeMax(b, f.max)
	}
}

// expire removes the rows below the floor. What is below the last floor is gone already: nested
// ranges from zero would cost more the more of them wait for a flush.
func (o *origin) expire(b batch, floor record.Time) {
	from := append([]byte(nil), o.key(o.applied.floor, nil)...)
	b.removeRange(from, o.key(floor, nil))
}

func (o *origin) writeMax(b batch, highest record.Time) {
	b.set(metaKey(maxStartTag, o.name), appendStart(nil, highest))
}

// settle takes note that a generation's part is applied.
func (o *origin) settle(f *FrozenStore) {
	o.applied.max = max(o.applied.max, f.max)
	o.applied.floor = max(o.applied.floor, f.Floor)
}

// restore puts rows of the changelog into a batch: of rows of the same key the last counts. It
// returns how far the store will have come.
func (o *origin) restore(b batch, rows []FrozenEntry) reach {
	to := o.applied
	if o.windowed {
		for i := range rows {
			to.max = max(to.max, rows[i].Start)
		}
	}
	if floor := o.floorAt(to.max); floor > to.floor {
		o.expire(b, floor)
		to.floor = floor
	}
	var row []byte
	order := lastOfEach(rows)
	for _, i := range order {
		e := &rows[i]
		switch {
		case e.Start < to.floor:
		case e.Value == nil:
			b.remove(o.key(e.Start, e.Key))
		default:
			row = appendRow(row[:0], e.Time, e.Value)
			b.set(o.key(e.Start, e.Key), row)
		}
	}
	if to.max > o.applied.max {
		o.writeMax(b, to.max)
	}
	return to
}

// lastOfEach orders rows by start and key, which makes writing them several times faster, and
// leaves of each key the last.
func lastOfEach(rows []FrozenEntry) []int32 {
	order := make([]int32, len(rows))
	for i := range order {
		order[i] = int32(i)
	}
	compare := func(a, b int32) int {
		return cmp.Or(cmp.Compare(rows[a].Start, rows[b].Start), bytes.Compare(rows[a].Key, rows[b].Key))
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(compare(a, b), cmp.Compare(b, a)) })
	return slices.CompactFunc(order, func(a, b int32) bool { return compare(a, b) == 0 })
}
