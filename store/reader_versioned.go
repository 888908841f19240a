package store

import (
	"context"
	"slices"

	"github.com/pitwheel/pitwheel/record"
)

type versionedReader[K, V any] struct{ *reader[K, V] }

// NewVersionedReader reads the store that from has; serdes gives serdes bound anew. It is for apps
// alone.
func NewVersionedReader[K, V any](from Source, serdes func() Serdes[K, V]) VersionedReader[K, V] {
	return versionedReader[K, V]{newReader(from, serdes)}
}

// Get reads the latest version.
func (r versionedReader[K, V]) Get(ctx context.Context, key K) (v Version[V], ok bool, err error) {
	return r.AsOf(ctx, key, EndOfTime)
}

// AsOf reads the version that was valid at that time.
func (r versionedReader[K, V]) AsOf(ctx context.Context, key K, at record.Time) (v Version[V], ok bool, err error) {
	err = r.versions(ctx, key, func(s *Serdes[K, V], row []byte, horizon record.Time) (bool, error) {
		raw, found, err := versionAt(row, at)
		if err != nil || !found || at < horizon && raw.to != EndOfTime {
			return false, err
		}
		v, err = s.version(raw)
		ok = err == nil
		return ok, err
	})
	return v, ok, err
}

// History reads the versions that were valid in [from, to], the oldest first.
func (r versionedReader[K, V]) History(ctx context.Context, key K, from, to record.Time) (all []Version[V], err error) {
	err = r.versions(ctx, key, func(s *Serdes[K, V], row []byte, horizon record.Time) (bool, error) {
		found, err := versionsIn(row, from, to, horizon)
		for _, raw := range slices.Backward(found) {
			v, err := s.version(raw)
			if err != nil {
				return false, err
			}
			all = append(all, v)
		}
		return len(all) > 0, err
	})
	return all, err
}

// versions has f read a key's row, if there is one, and the earliest time that is there.
func (r versionedReader[K, V]) versions(
	ctx context.Context, key K, f func(s *Serdes[K, V], row []byte, horizon record.Time) (found bool, err error),
) error {
	s := r.serdes()
	defer r.pool.Put(s)
	b, err := s.encode(key)
	if err != nil {
		return err
	}
	return r.find(ctx, b, func(c *Committed) (found bool, err error) {
		err = c.look(func(o *origin, rows view) error {
			highest, err := o.reached(rows)
			if err != nil {
				return err
			}
			stored, ok, err := rows.get(o.key(0, b))
			if err != nil || !ok {
				return err
			}
			_, row, err := splitRow(stored)
			if err == nil {
				found, err = f(s, row, highest-o.keep)
			}
			return err
		})
		return found, err
	})
}

func (s *Serdes[K, V]) version(raw rawVersion) (v Version[V], err error) {
	v.From, v.To = raw.from, raw.to
	v.Value, err = s.decodeValue(raw.value)
	return v, err
}
