package store

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// VersionedStore is a typed versioned store. It implements Versioned. Kafka Streams:
// RocksDBVersionedStore, whose history is the grace period too.
//
// A key's versions are one row, decoded as they are asked for: a look-up costs one look-up in the
// cache and a walk over the newer versions, a put a copy of the versions within the history.
type VersionedStore[K, V any] struct {
	keys[K]
	rows  *cache[[]byte, place]
	value serde.Serde[V]
	null  record.Nulls[V]
	buf   []byte
	hand  []byte // the key from which on prune goes on; nil: from the first
}

var _ Versioned[string, int64] = (*VersionedStore[string, int64])(nil)

// OpenVersioned opens a store in a space, or makes it. What goes wrong is the space's Err.
func OpenVersioned[K, V any](
	s *Space, d Definition, key serde.Serde[K], value serde.Serde[V],
) *VersionedStore[K, V] {
	v := &VersionedStore[K, V]{
		keys:  newKeys(s, d.Name, key),
		rows:  openCache[[]byte, place](s, d, byVersions, serde.Bytes(), bytesPacking[[]byte]()),
		value: value,
		null:  record.NullsOf[V](),
	}
	v.rows.prune = v.prune
	return v
}

// horizon is the earliest time that is there.
func (s *VersionedStore[K, V]) horizon() record.Time { return s.rows.max - s.rows.keep }

// row reads the key's versions and leaves the cursor there.
func (s *VersionedStore[K, V]) row(key K) (b, row []byte, ok bool) {
	b, ok = s.encode(key)
	if !ok {
		s.rows.lose()
		return nil, nil, false
	}
	row, _, _ = s.rows.find(0, b)
	return b, row, s.space.err == nil
}

// Get is the latest version, unless the key is deleted.
func (s *VersionedStore[K, V]) Get(key K) (v Version[V], ok bool) { return s.AsOf(key, EndOfTime) }

// AsOf is the version that was valid at that time.
func (s *VersionedStore[K, V]) AsOf(key K, at record.Time) (v Version[V], ok bool) {
	_, row, ok := s.row(key)
	if !ok {
		return v, false
	}
	return s.asOf(row, at)
}

func (s *VersionedStore[K, V]) asOf(row []byte, at record.Time) (v Version[V], ok bool) {
	raw, ok, err := versionAt(row, at)
	if err != nil {
		s.fail(err)
		return v, false
	}
	// What is left beyond the horizon is not shown, so that it does not depend on when it goes.
	if !ok || at < s.horizon() && raw.to != EndOfTime {
		return v, false
	}
	return s.version(raw)
}

func (s *VersionedStore[K, V]) version(raw rawVersion) (v Version[V], ok bool) {
	value, err := s.value.Decode(raw.value)
	if err != nil {
		s.fail(err)
		return v, false
	}
	return Version[V]{value, raw.from, raw.to}, true
}

func (s *VersionedStore[K, V]) fail(err error) {
	s.space.fail(fmt.Errorf("store: value in store %q: %w", s.name, err))
}

// Put writes a version; see Versioned. A null value deletes, as in Kafka Streams.
func (s *VersionedStore[K, V]) Put(key K, value V, at record.Time) (to record.Time, ok bool) {
	if s.null.Has(&value) {
		return s.put(key, nil, at)
	}
	raw, err := s.value.Append([]byte{}, value)
	if err != nil {
		s.space.fail(fmt.Errorf("store: encode a value for store %q: %w", s.name, err))
		return 0, false
	}
	return s.put(key, raw, at)
}

// put keeps value.
func (s *VersionedStore[K, V]) put(key K, value []byte, at record.Time) (to record.Time, ok bool) {
	if at < s.horizon() {
		s.rows.drop()
		return 0, false
	}
	b, row, ok := s.row(key)
	if !ok {
		return 0, false
	}
	highest := max(s.rows.max, at)
	put, to, err := putVersion(s.buf[:0], row, at, value, highest-s.rows.keep)
	if err != nil {
		s.fail(err)
		return 0, false
	}
	s.buf = put
	s.rows.set(put, latestFrom(put))
	s.rows.raise(highest)
	s.rows.log = append(s.rows.log, FrozenEntry{Key: bytes.Clone(b), Value: value, Time: at})
	return to, true
}

// Delete ends what was valid at that time, which it returns.
func (s *VersionedStore[K, V]) Delete(key K, at record.Time) (v Version[V], ok bool) {
	if at >= s.horizon() {
		v, ok = s.AsOf(key, at)
	}
	s.put(key, nil, at)
	return v, ok
}

// Expired is how many writes were refused, being beyond the history. Kafka Streams counts them as
// dropped records.
func (s *VersionedStore[K, V]) Expired() int64 { return s.rows.droppedWrites() }

// OnRefused has f called for each write that is refused.
func (s *VersionedStore[K, V]) OnRefused(f func()) { s.rows.onRefused(f) }

// History is a key's versions that were valid in [from, to], the oldest first, as of the beginning
// of the loop. Kafka Streams: MultiVersionedKeyQuery.
func (s *VersionedStore[K, V]) History(key K, from, to record.Time) iter.Seq[Version[V]] {
	return func(yield func(Version[V]) bool) {
		_, row, ok := s.row(key)
		if !ok {
			return
		}
		found, err := versionsIn(row, from, to, s.horizon())
		if err != nil {
			s.fail(err)
			return
		}
		for _, raw := range slices.Backward(found) {
			if v, ok := s.version(raw); !ok || !yield(v) {
				return
			}
		}
	}
}

// All is the latest version of every key that is not deleted, as of the beginning of the loop.
func (s *VersionedStore[K, V]) All() iter.Seq2[K, Version[V]] {
	return func(yield func(K, Version[V]) bool) {
		s.rows.scan(span{}, func(_ record.Time, b, row []byte, _ record.Time) bool {
			v, ok := s.asOf(row, EndOfTime)
			if !ok {
				return s.space.err == nil
			}
			key, ok := s.decode(b)
			return ok && yield(key, v)
		})
	}
}

// prune looks at some rows of the backend, more than were written since the last freeze, and takes
// from them what is beyond the history: so what nobody writes to any more goes too.
func (s *VersionedStore[K, V]) prune() {
	g := s.rows.segments[0]
	if g == nil || len(g.dirty) == 0 || s.space.err != nil {
		return
	}
	keys, err := s.stale(pruneRows + 2*len(g.dirty))
	if err != nil {
		s.space.fail(err)
		return
	}
	for _, key := range keys {
		row, at, ok := s.rows.find(0, key)
		if !ok {
			continue
		}
		pruned, err := pruneVersions(row, s.horizon())
		switch {
		case err != nil:
			s.fail(err)
		case pruned == nil:
		case len(pruned) == 0:
			s.rows.remove(at)
		default:
			s.rows.set(pruned, at)
		}
	}
}

// pruneRows is how many rows prune looks at, at least.
const pruneRows = 8

// stale moves the hand over n rows of the backend and returns the keys of those with something to
// prune.
func (s *VersionedStore[K, V]) stale(n int) (keys [][]byte, err error) {
	from := bytes.Clone(s.rows.key(0, s.hand))
	it, err := s.rows.base.iterate(from, prefixEnd(s.rows.prefix))
	if err != nil {
		return nil, err
	}
	ok := it.seek(from)
	for ; ok && n > 0 && err == nil; ok = it.next() {
		var row, pruned []byte
		if _, row, err = splitRow(it.value()); err == nil {
			pruned, err = pruneVersions(row, s.horizon())
		}
		if pruned != nil {
			keys = append(keys, bytes.Clone(it.key()[len(s.rows.prefix):]))
		}
		n--
	}
	s.hand = nil
	if ok {
		s.hand = bytes.Clone(it.key()[len(s.rows.prefix):])
	}
	if closed := it.close(); err == nil {
		err = closed
	}
	return keys, err
}

// restoreVersions puts records of a changelog into a batch as if they were put again.
func (o *origin) restoreVersions(b batch, records []FrozenEntry) (reach, error) {
	to := o.applied
	rows := map[string][]byte{}
	for i := range records {
		e := &records[i]
		// A changelog of Kafka Streams has what was refused too.
		if e.Time < to.max-o.keep {
			continue
		}
		row, ok := rows[string(e.Key)]
		if !ok {
			stored, found, err := o.base.get(o.key(0, e.Key))
			if err != nil {
				return to, err
			}
			if found {
				if _, row, err = splitRow(stored); err != nil {
					return to, err
				}
			}
		}
		to.max = max(to.max, e.Time)
		put, _, err := putVersion(nil, row, e.Time, e.Value, to.max-o.keep)
		if err != nil {
			return to, err
		}
		rows[string(e.Key)] = put
	}
	var row []byte
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		row = appendRow(row[:0], latestFrom(rows[key]), rows[key])
		b.set(o.key(0, []byte(key)), row)
	}
	if to.max > o.applied.max {
		o.writeMax(b, to.max)
	}
	return to, nil
}
