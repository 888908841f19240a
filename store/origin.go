package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/pitwheel/pitwheel/record"
)

// origin is where a store's applied rows are and how they are laid out: what of a store does not
// depend on its types.
type origin struct {
	name     string
	base     *base  // nil: the store could not be opened
	prefix   []byte // of its rows' keys in the backend
	layout   layout
	windowed bool        // the layout is
	keep     record.Time // retention, or history of versions, in milliseconds; 0: for ever
	interval record.Time // of a window store by key: from one segment's first start to the next's
	applied  reach
	index    *origin // of the store's index by time; nil: it has none
	rowKey   []byte
	local    []byte
}

// reach is how far a store that is timed has come.
type reach struct {
	max   record.Time // highest start, or versions' from, written; -1: none
	floor record.Time // below it everything was removed since the space was opened
}

func newOrigin(d Definition, as layout) origin {
	o := origin{
		name: d.Name, layout: as, windowed: as.windowed(), applied: reach{max: -1},
		keep: record.Time(d.Retention.Milliseconds()),
	}
	if as.segmented() {
		// Kafka Streams: Stores.defaultSegmentInterval.
		o.interval = cmp.Or(d.segment, max(o.keep/2, minSegmentInterval))
	}
	return o
}

// minSegmentInterval is a minute.
const minSegmentInterval = 60_000

func (o *origin) core() *origin { return o }

// attach finds or makes the store in b.
func (o *origin) attach(b *base) error {
	number, err := b.number(o.name, o.layout)
	if err != nil {
		return err
	}
	if o.layout.timed() {
		if o.applied.max, err = b.maxStart(o.name); err != nil {
			return err
		}
	}
	o.base, o.prefix = b, dataPrefix(number)
	return nil
}

// visibleFrom is the lowest start that is there once that one was written. Kafka Streams: observed
// stream time - retention + 1.
func (o *origin) visibleFrom(highest record.Time) record.Time {
	if o.keep <= 0 || highest < 0 {
		return 0
	}
	return max(0, highest-o.keep+1)
}

// floorAt is the first segment that is kept once that start was written. A store by key keeps and
// takes rows that are not visible any more until their whole segment is beyond the retention.
// Kafka Streams: AbstractSegments.cleanupExpiredSegments.
func (o *origin) floorAt(highest record.Time) record.Time {
	switch {
	case !o.windowed:
		return 0
	case o.interval == 0:
		return o.visibleFrom(highest)
	case o.keep <= 0 || highest < o.keep:
		return 0
	}
	return o.segmentOf(highest - o.keep)
}

// segmentOf is the first start of the segment where rows of that start stand.
func (o *origin) segmentOf(start record.Time) record.Time {
	if o.interval == 0 {
		return start
	}
	return start - start%o.interval
}

// rowID is which row: its key, and the times that it stands by.
type rowID struct {
	start record.Time // of a session its end, by which it expires
	from  record.Time // of a session its start
	key   []byte
}

// localKey is the row's key within its segment, valid until the next call.
func (o *origin) localKey(id rowID) []byte {
	switch o.layout {
	case byKeyAndStart:
		o.local = appendStart(append(o.local[:0], id.key...), id.start)
	case byTimeAndKey:
		o.local = append(appendStart(o.local[:0], id.start), id.key...)
	case bySession:
		o.local = appendStart(appendStart(append(o.local[:0], id.key...), id.start), id.from)
	case bySessionTime:
		o.local = append(appendStart(appendStart(o.local[:0], id.start), id.from), id.key...)
	default:
		return id.key
	}
	return o.local
}

// rowOf is the inverse of segmentOf and localKey; the key is a view.
func (o *origin) rowOf(segment record.Time, local []byte) (id rowID, err error) {
	switch o.layout {
	case byKeyAndStart:
		id.key, id.start, err = splitEnd(local)
	case bySession:
		if id.key, id.from, err = splitEnd(local); err == nil {
			id.key, id.start, err = splitEnd(id.key)
		}
	case byTimeAndKey:
		id.start, id.key, err = splitStart(local)
	case bySessionTime:
		if id.start, id.key, err = splitStart(local); err == nil {
			id.from, id.key, err = splitStart(id.key)
		}
	default:
		id.start, id.key = segment, local
	}
	return id, err
}

// splitEnd takes a time off the end of a local key.
func splitEnd(local []byte) (key []byte, t record.Time, err error) {
	at := len(local) - startBytes
	if at < 0 || local[at] >= 1<<7 {
		return nil, 0, errShortStart
	}
	return local[:at:at], record.Time(binary.BigEndian.Uint64(local[at:])), nil
}

// key is the backend's key of what stands in a segment, valid until the next call.
func (o *origin) key(segment record.Time, local []byte) []byte {
	o.rowKey = append(o.rowKey[:0], o.prefix...)
	if o.windowed {
		o.rowKey = appendStart(o.rowKey, segment)
	}
	o.rowKey = append(o.rowKey, local...)
	return o.rowKey
}

// entryKey is the backend's key of a row, valid until the next call.
func (o *origin) entryKey(e *FrozenEntry) []byte {
	return o.key(o.segmentOf(e.Start), o.localKey(e.id()))
}

// split takes a key of the backend apart; local is a view.
func (o *origin) split(rowKey []byte) (segment record.Time, local []byte, err error) {
	local = rowKey[len(o.prefix):]
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
			b.remove(o.entryKey(e))
			continue
		}
		row = appendRow(row[:0], e.Time, e.Value)
		b.set(o.entryKey(e), row)
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
func (o *origin) restore(b batch, rows []FrozenEntry) (reach, error) {
	if o.layout == byVersions {
		return o.restoreVersions(b, rows)
	}
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
		case o.segmentOf(e.Start) < to.floor:
		case e.Value == nil:
			b.remove(o.entryKey(e))
		default:
			row = appendRow(row[:0], e.Time, e.Value)
			b.set(o.entryKey(e), row)
		}
	}
	if to.max > o.applied.max {
		o.writeMax(b, to.max)
	}
	return to, nil
}

// lastOfEach orders rows by start and key, which makes writing them several times faster, and
// leaves of each key the last.
func lastOfEach(rows []FrozenEntry) []int32 {
	order := make([]int32, len(rows))
	for i := range order {
		order[i] = int32(i)
	}
	compare := func(a, b int32) int {
		x, y := &rows[a], &rows[b]
		return cmp.Or(cmp.Compare(x.Start, y.Start), bytes.Compare(x.Key, y.Key), cmp.Compare(x.From, y.From))
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(compare(a, b), cmp.Compare(b, a)) })
	return slices.CompactFunc(order, func(a, b int32) bool { return compare(a, b) == 0 })
}
