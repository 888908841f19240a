package store

import (
	"github.com/google/btree"

	"github.com/pitwheel/pitwheel/record"
)

// indexedBytes is about what a key takes in a segment's index.
const indexedBytes = 72

// makeIndex makes the segment's index: of all its keys, so that a range of it needs nothing else, or of
// those that are not applied.
func (g *segment[T]) makeIndex(whole bool, applied uint32) {
	if g.index != nil && g.whole == whole {
		return
	}
	g.dropIndex()
	g.whole = whole
	g.index = btree.NewG(32, func(a, b fullRank) bool { return a.less(&b) })
	for i := range g.rows.slots {
		s := &g.rows.slots[i]
		if g.whole && !s.free() || s.gen() > applied {
			g.indexKey(g.rows.appendKey(nil, s))
		}
	}
}

func (g *segment[T]) indexKey(key []byte) {
	if _, had := g.index.ReplaceOrInsert(rankOf(key)); !had {
		*g.gauge += indexedBytes
	}
}

func (g *segment[T]) unindexKey(key []byte) {
	if _, had := g.index.Delete(rankOf(key)); had {
		*g.gauge -= indexedBytes
	}
}

func (g *segment[T]) dropIndex() {
	if g.index != nil {
		*g.gauge -= int64(g.index.Len()) * indexedBytes
		g.index = nil
	}
}

// indexed copies the rows of the span as they are here, from the segment's index: all if whole says so,
// else those that are not applied, at most as many as the span's limit. cut says that there may be
// more. Its cost is that of the rows it copies.
func (g *segment[T]) indexed(s span, whole bool, applied uint32) (slots []slot[T], cut bool) {
	g.makeIndex(whole, applied)
	var p probe
	var key []byte
	end := rankOf(s.end)
	g.index.AscendGreaterOrEqual(rankOf(s.lo), func(r fullRank) bool {
		if s.end != nil && !r.less(&end) {
			return false
		}
		if cut = s.limit > 0 && len(slots) == s.limit; cut {
			return false
		}
		key = r.appendTo(key[:0])
		p.set(key)
		if i, ok := g.rows.find(&p); ok {
			slots = append(slots, g.rows.slots[i])
		}
		return true
	})
	return slots, cut
}

// timeIndex is the rows of a store by key in the order of their times: a store beside it, of rows that
// say nothing but that they are there. What the store writes is written here in the same generation
// and so in the same batch; a restore of the store writes both. It has no changelog.
type timeIndex struct {
	rows *cache[struct{}, struct{}]
}

// indexSuffix makes the index's name of its store's: no store of a topology has a slash in its own.
const indexSuffix = "/by-time"

// openIndexOf opens the index of a store that was just opened, if it is to have one.
func openIndexOf(s *Space, of *origin, d Definition) *timeIndex {
	if s.err != nil {
		return nil
	}
	if !d.ByTime {
		if err := of.forgetIndex(); err != nil {
			s.fail(err)
		}
		return nil
	}
	as := byTimeAndKey
	if of.layout == bySession {
		as = bySessionTime
	}
	d.Name += indexSuffix
	x := &timeIndex{openCache[struct{}, struct{}](s, d, as, noValue{}, nil)}
	of.index = &x.rows.origin
	if s.err == nil {
		if err := of.completeIndex(); err != nil {
			s.fail(err)
		}
	}
	x.rows.restored()
	return x
}

// noValue is the serde of rows without a value.
type noValue struct{}

func (noValue) Append(dst []byte, _ struct{}) ([]byte, error) { return dst, nil }

func (noValue) Decode([]byte) (struct{}, error) { return struct{}{}, nil }

// aim leaves the cursor at a row's place in the index; set or remove may follow.
func (x *timeIndex) aim(id rowID) {
	o := &x.rows.origin
	x.rows.aim(o.segmentOf(id.start), o.localKey(id))
}

// first is the time of the first row in [from, to].
func (x *timeIndex) first(from, to record.Time) (at record.Time, ok bool) {
	x.walk(from, to, func(id rowID) bool {
		at, ok = id.start, true
		return false
	})
	return at, ok
}

// walk yields the rows whose times are in [from, to], by time, then what follows it. Nothing may be
// written to the store until it is over.
func (x *timeIndex) walk(from, to record.Time, yield func(id rowID) bool) {
	from = max(from, 0)
	o := &x.rows.origin
	s := span{from: o.segmentOf(from), to: o.segmentOf(to), lo: appendStart(nil, from), limit: walkRows}
	if to < noFloor {
		s.end = appendStart(nil, to+1)
	}
	for !s.empty() && x.rows.space.err == nil {
		s = x.rows.scan(s, func(segment record.Time, local []byte, _ struct{}, _ record.Time) bool {
			id, err := o.rowOf(segment, local)
			if err != nil {
				x.rows.space.fail(err)
				return false
			}
			return yield(id)
		})
	}
}

// completeIndex makes the index of what the store has, unless it was kept with it all the time.
func (o *origin) completeIndex() error {
	_, kept, err := o.base.get(metaKey(indexTag, o.name))
	if err != nil || kept {
		return err
	}
	x := o.index
	b := o.base.begin()
	b.removeRange(x.prefix, prefixEnd(x.prefix))
	it, err := o.base.iterate(o.prefix, prefixEnd(o.prefix))
	if err != nil {
		return err
	}
	row := appendRow(nil, 0, nil)
	for ok, n := it.seek(o.prefix), 0; ok && err == nil; ok = it.next() {
		var segment record.Time
		var local []byte
		var id rowID
		if segment, local, err = o.split(it.key()); err != nil {
			break
		}
		if id, err = o.rowOf(segment, local); err != nil {
			break
		}
		b.set(x.key(segment, x.localKey(id)), row)
		if n++; n%loadMax == 0 {
			if err = b.apply(); err == nil {
				b = o.base.begin()
			}
		}
	}
	if closed := it.close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	x.applied.max = o.applied.max
	if x.applied.max >= 0 {
		x.writeMax(b, x.applied.max)
	}
	b.set(metaKey(indexTag, o.name), nil)
	return b.apply()
}

// forgetIndex is for a store that is opened without its index, which then misses what is written.
func (o *origin) forgetIndex() error {
	if _, had := o.base.stores[o.name+indexSuffix]; !had {
		return nil
	}
	b := o.base.begin()
	b.remove(metaKey(indexTag, o.name))
	return b.apply()
}

// restoreIndex puts the index of rows of the changelog into a batch.
func (o *origin) restoreIndex(b batch, rows []FrozenEntry) (reach, error) {
	marks := make([]FrozenEntry, len(rows))
	for i := range rows {
		marks[i] = FrozenEntry{Key: rows[i].Key, Start: rows[i].Start, From: rows[i].From}
		if rows[i].Value != nil {
			marks[i].Value = []byte{}
		}
	}
	return o.index.restore(b, marks)
}
