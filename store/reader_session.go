package store

import (
	"bytes"
	"context"
	"iter"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

type sessionReader[K, V any] struct{ *reader[K, V] }

// NewSessionReader reads the store that from has; serdes gives serdes bound anew. It is for apps alone.
func NewSessionReader[K, V any](from Source, serdes func() Serdes[K, V]) SessionReader[K, V] {
	return sessionReader[K, V]{newReader(from, serdes)}
}

// Get reads the row of the session.
func (r sessionReader[K, V]) Get(ctx context.Context, session windowing.Key[K]) (value V, ok bool, err error) {
	e, ok, err := r.Entry(ctx, session)
	return e.Value, ok, err
}

// Entry reads the row with its time.
func (r sessionReader[K, V]) Entry(
	ctx context.Context, session windowing.Key[K],
) (e Entry[windowing.Key[K], V], ok bool, err error) {
	return r.entry(ctx, session, rowID{start: session.End, from: session.Start})
}

// Range walks over one key's sessions.
func (r sessionReader[K, V]) Range(
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
			from, last := o.clamp(from, highest, highest)
			if last < from {
				return walkPlan{}, false
			}
			p := o.keyBySegment(b, from, last)
			p.want = func(id rowID) bool { return bytes.Equal(id.key, b) && id.from <= to }
			return p, true
		}
		w.run(ctx, yield)
	}
}

// All walks over the sessions of every key.
func (r sessionReader[K, V]) All(
	ctx context.Context, from, to record.Time,
) iter.Seq2[Entry[windowing.Key[K], V], error] {
	return func(yield func(Entry[windowing.Key[K], V], error) bool) {
		s := r.serdes()
		defer r.pool.Put(s)
		w := windows[K, V]{of: r.reader, decode: r.decoder(s)}
		w.plan = func(o *origin, highest record.Time) (walkPlan, bool) {
			p, ok := o.allWindows(from, highest, highest)
			seen := o.visibleFrom(highest)
			p.want = func(id rowID) bool { return max(from, seen) <= id.start && id.from <= to }
			return p, ok
		}
		w.run(ctx, yield)
	}
}

func (r sessionReader[K, V]) decoder(s *Serdes[K, V]) func(row committedRow) (Entry[windowing.Key[K], V], error) {
	return func(row committedRow) (Entry[windowing.Key[K], V], error) {
		k, v, err := s.decode(row.key, row.value)
		return Entry[windowing.Key[K], V]{windowing.Key[K]{Key: k, Start: row.from, End: row.start}, v, row.at}, err
	}
}
