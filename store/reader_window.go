package store

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

type windowReader[K, V any] struct {
	*reader[K, V]
	size time.Duration
}

// NewWindowReader reads the store that from has, whose windows are of that size; serdes gives
// serdes bound anew. It is for apps alone.
func NewWindowReader[K, V any](from Source, size time.Duration, serdes func() Serdes[K, V]) WindowReader[K, V] {
	return windowReader[K, V]{newReader(from, serdes), size}
}

// Get reads the row of the key's window that starts then.
func (r windowReader[K, V]) Get(ctx context.Context, key K, start record.Time) (value V, ok bool, err error) {
	e, ok, err := r.Entry(ctx, key, start)
	return e.Value, ok, err
}

// Entry reads the row with its time.
func (r windowReader[K, V]) Entry(
	ctx context.Context, key K, start record.Time,
) (e Entry[windowing.Key[K], V], ok bool, err error) {
	return r.entry(ctx, r.windowed(key, start), rowID{start: start})
}

// Range walks over one key's windows.
func (r windowReader[K, V]) Range(
	ctx context.Context, key K, from, to record.Time,
) iter.Seq2[Entry[windowing.Key[K], V], error] {
	return func(yield func(Entry[windowing.Key[K], V], error) bool) {
		s := r.serdes()
		defer r.pool.Put(s)
		b, err := s.encode(key)
		if err != nil {
			yield(Entry[windowing.Key[K], V]{}, err)
			return
		}
		w := windows[K, V]{of: r.reader, key: b, decode: r.decoder(s)}
		w.plan = func(o *origin, highest record.Time) (walkPlan, bool) {
			from, to := o.clamp(from, to, highest)
			if to < from {
				return walkPlan{}, false
			}
			if o.interval == 0 {
				return o.keyByStart(b, from, to), true
			}
			return o.keyBySegment(b, from, to), true
		}
		w.run(ctx, yield)
	}
}

// All walks over the windows of every key.
func (r windowReader[K, V]) All(
	ctx context.Context, from, to record.Time,
) iter.Seq2[Entry[windowing.Key[K], V], error] {
	return func(yield func(Entry[windowing.Key[K], V], error) bool) {
		s := r.serdes()
		defer r.pool.Put(s)
		w := windows[K, V]{of: r.reader, decode: r.decoder(s)}
		w.plan = func(o *origin, highest record.Time) (walkPlan, bool) { return o.allWindows(from, to, highest) }
		w.run(ctx, yield)
	}
}

// entry reads the row of a window or session: id is its times. Where they can be none's there is none.
func (r *reader[K, V]) entry(
	ctx context.Context, key windowing.Key[K], id rowID,
) (e Entry[windowing.Key[K], V], ok bool, err error) {
	s := r.serdes()
	defer r.pool.Put(s)
	id.key, err = s.encode(key.Key)
	if err != nil || id.from < 0 || id.start < id.from {
		return e, false, err
	}
	e.Key = key
	err = r.find(ctx, id.key, func(c *Committed) (bool, error) {
		row, found, err := c.row(id)
		if !found || err != nil {
			return false, err
		}
		e.Time = row.at
		e.Value, err = s.decodeValue(row.value)
		ok = err == nil
		return ok, err
	})
	return e, ok, err
}

// windows is a walk over windows.
type windows[K, V any] = partsWalk[K, V, Entry[windowing.Key[K], V]]

func (r windowReader[K, V]) decoder(s *Serdes[K, V]) func(row committedRow) (Entry[windowing.Key[K], V], error) {
	return func(row committedRow) (Entry[windowing.Key[K], V], error) {
		k, v, err := s.decode(row.key, row.value)
		return Entry[windowing.Key[K], V]{r.windowed(k, row.start), v, row.at}, err
	}
}

func (r windowReader[K, V]) windowed(key K, start record.Time) windowing.Key[K] {
	return windowing.Key[K]{Key: key, Start: start, End: windowing.End(start, r.size)}
}

// clamp is the part of [from, to] where a window store has rows.
func (o *origin) clamp(from, to, highest record.Time) (record.Time, record.Time) {
	return max(from, o.visibleFrom(highest)), min(to, highest)
}

// allWindows is the rows of all keys.
func (o *origin) allWindows(from, to, highest record.Time) (walkPlan, bool) {
	if from, to = o.clamp(from, to, highest); to < from {
		return walkPlan{}, false
	}
	low, high := o.bounds(span{from: o.segmentOf(from), to: o.segmentOf(to)})
	return walkPlan{
		from: low, to: high,
		move: func(it iterator, first bool) bool {
			if first {
				return it.seek(low)
			}
			return it.next()
		},
		want: func(id rowID) bool { return from <= id.start && id.start <= to },
	}, true
}

// keyByStart is one key's rows of a store by start: a seek for each start that there is.
func (o *origin) keyByStart(key []byte, from, to record.Time) walkPlan {
	low, high := o.bounds(span{from: from, to: to})
	at := from
	return walkPlan{from: low, to: high, move: func(it iterator, _ bool) bool {
		for at <= to && it.seek(o.key(at, key)) {
			start, found, err := o.split(it.key())
			if err != nil {
				return true // reading the row says so
			}
			if start > at {
				at = start
				continue
			}
			at++
			if bytes.Equal(found, key) {
				return true
			}
		}
		return false
	}}
}

// keyBySegment is one key's rows of a store by key: a seek for each segment, then row by row.
func (o *origin) keyBySegment(key []byte, from, to record.Time) walkPlan {
	low, high := o.bounds(span{from: o.segmentOf(from), to: o.segmentOf(to)})
	segment, last := o.segmentOf(from), o.segmentOf(to)
	lo, end := appendStart(bytes.Clone(key), from), appendStart(bytes.Clone(key), to+1)
	inside := false // the iterator stands in the segment's part of the key
	return walkPlan{
		from: low, to: high,
		move: func(it iterator, _ bool) bool {
			for ; 0 <= segment && segment <= last; segment, inside = segment+o.interval, false { // it ends where time does
				var ok bool
				if inside {
					ok = it.next()
				} else {
					ok = it.seek(o.key(segment, lo))
				}
				inside = true
				if !ok {
					return false
				}
				at, local, err := o.split(it.key())
				if err != nil {
					return true // reading the row says so
				}
				if at == segment && bytes.Compare(local, end) < 0 {
					return true
				}
			}
			return false
		},
		want: func(id rowID) bool { return bytes.Equal(id.key, key) },
	}
}
