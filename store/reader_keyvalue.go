package store

import (
	"context"
	"iter"

	"github.com/pitwheel/pitwheel/record"
)

type keyValueReader[K, V any] struct{ *reader[K, V] }

// NewKeyValueReader reads the store that from has; serdes gives serdes bound anew. It is for apps
// alone.
func NewKeyValueReader[K, V any](from Source, serdes func() Serdes[K, V]) KeyValueReader[K, V] {
	return keyValueReader[K, V]{newReader(from, serdes)}
}

// Get reads the key's row.
func (r keyValueReader[K, V]) Get(ctx context.Context, key K) (value V, ok bool, err error) {
	e, ok, err := r.Entry(ctx, key)
	return e.Value, ok, err
}

// Entry reads the key's row with its time.
func (r keyValueReader[K, V]) Entry(ctx context.Context, key K) (e Entry[K, V], ok bool, err error) {
	s := r.serdes()
	defer r.pool.Put(s)
	b, err := s.encode(key)
	if err != nil {
		return e, false, err
	}
	e.Key = key
	err = r.find(ctx, b, func(c *Committed) (bool, error) {
		row, found, err := c.row(rowID{key: b})
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

// All walks over every row.
func (r keyValueReader[K, V]) All(ctx context.Context) iter.Seq2[Entry[K, V], error] {
	return r.Scan(ctx, Range[K]{})
}

// Scan walks over a range.
func (r keyValueReader[K, V]) Scan(ctx context.Context, of Range[K]) iter.Seq2[Entry[K, V], error] {
	return func(yield func(Entry[K, V], error) bool) {
		s := r.serdes()
		defer r.pool.Put(s)
		var bad error
		rows, ok := spanOf(of, func(key K) (b []byte, ok bool) {
			b, bad = s.encode(key)
			return b, bad == nil
		})
		if !ok {
			yield(Entry[K, V]{}, bad)
			return
		}
		r.walk(ctx, s, rows, yield)
	}
}

// Prefix walks over the keys that begin with p.
func (r keyValueReader[K, V]) Prefix(ctx context.Context, p []byte) iter.Seq2[Entry[K, V], error] {
	return func(yield func(Entry[K, V], error) bool) {
		s := r.serdes()
		defer r.pool.Put(s)
		r.walk(ctx, s, prefixSpan(p), yield)
	}
}

func (r keyValueReader[K, V]) walk(ctx context.Context, s *Serdes[K, V], rows span, yield func(Entry[K, V], error) bool) {
	plan := func(o *origin, _ record.Time) (walkPlan, bool) {
		if rows.empty() {
			return walkPlan{}, false
		}
		from, to := o.bounds(rows)
		return walkPlan{from: from, to: to, move: func(it iterator, first bool) bool {
			switch {
			case first && rows.backward:
				return it.last()
			case first:
				return it.seek(from)
			case rows.backward:
				return it.prev()
			}
			return it.next()
		}}, true
	}
	decode := func(row committedRow) (e Entry[K, V], err error) {
		e.Time = row.at
		e.Key, e.Value, err = s.decode(row.key, row.value)
		return e, err
	}
	w := partsWalk[K, V, Entry[K, V]]{of: r.reader, plan: plan, decode: decode}
	w.run(ctx, yield)
}
