package store

import (
	"fmt"
	"iter"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// KeyValueStore is a typed key-value store over the cache. It implements KeyValue. Kafka Streams:
// TimestampedKeyValueStore.
type KeyValueStore[K, V any] struct {
	keys[K]
	rows rows[V]
	null record.Nulls[V]
}

var _ KeyValue[string, int64] = (*KeyValueStore[string, int64])(nil)

// OpenKeyValue opens a store in a space, or makes it. What goes wrong is the space's Err.
func OpenKeyValue[K, V any](s *Space, d Definition, key serde.Serde[K], value serde.Serde[V]) *KeyValueStore[K, V] {
	return &KeyValueStore[K, V]{
		keys: newKeys(s, d.Name, key),
		rows: openRows(s, d, byKey, value),
		null: record.NullsOf[V](),
	}
}

// Find reads the row; Set or Remove may follow, for the same key, before any other call of the
// space's stores.
func (s *KeyValueStore[K, V]) Find(key K) (v V, at record.Time, ok bool) {
	b, ok := s.encode(key)
	if !ok {
		s.rows.lose()
		return v, 0, false
	}
	return s.rows.find(0, b)
}

// Set writes the row of the last Find. A null v removes it.
func (s *KeyValueStore[K, V]) Set(v V, at record.Time) {
	if s.null.Has(&v) {
		s.rows.remove(at)
		return
	}
	s.rows.set(v, at)
}

// Remove removes the row of the last Find.
func (s *KeyValueStore[K, V]) Remove(at record.Time) { s.rows.remove(at) }

// Get reads the row.
func (s *KeyValueStore[K, V]) Get(key K) (value V, ok bool) {
	value, _, ok = s.Find(key)
	return value, ok
}

// Entry reads the row with its time.
func (s *KeyValueStore[K, V]) Entry(key K) (e Entry[K, V], ok bool) {
	e.Value, e.Time, ok = s.Find(key)
	e.Key = key
	return e, ok
}

// Put writes the row with the current record's time. A null value deletes it, as in Kafka Streams.
func (s *KeyValueStore[K, V]) Put(key K, value V) { s.PutAt(key, value, s.space.now) }

// PutAt is Put with a time of its own.
func (s *KeyValueStore[K, V]) PutAt(key K, value V, at record.Time) {
	s.aim(key)
	s.Set(value, at)
}

// Delete deletes the row.
func (s *KeyValueStore[K, V]) Delete(key K) {
	s.aim(key)
	s.rows.remove(s.space.now)
}

func (s *KeyValueStore[K, V]) aim(key K) {
	if b, ok := s.encode(key); ok {
		s.rows.aim(0, b)
	} else {
		s.rows.lose()
	}
}

// All is every row in the order of key bytes (unsigned), as of the beginning of the loop.
func (s *KeyValueStore[K, V]) All() iter.Seq2[K, V] { return pairs(s.Entries()) }

// Backward is All from the last to the first.
func (s *KeyValueStore[K, V]) Backward() iter.Seq2[K, V] { return s.Scan(Range[K]{}.Reverse()) }

// Scan is the rows of a range, as of the beginning of the loop. It costs what it yields, whatever
// is outside of it.
func (s *KeyValueStore[K, V]) Scan(r Range[K]) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if of, ok := spanOf(r, s.encode); ok {
			s.scan(of, func(e Entry[K, V]) bool { return yield(e.Key, e.Value) })
		}
	}
}

// Prefix is the rows whose keys' bytes begin with p, as of the beginning of the loop. Kafka
// Streams: ReadOnlyKeyValueStore.prefixScan.
func (s *KeyValueStore[K, V]) Prefix(p []byte) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		s.scan(prefixSpan(p), func(e Entry[K, V]) bool { return yield(e.Key, e.Value) })
	}
}

// Entries is All with times.
func (s *KeyValueStore[K, V]) Entries() iter.Seq[Entry[K, V]] {
	return func(yield func(Entry[K, V]) bool) { s.scan(span{}, yield) }
}

func (s *KeyValueStore[K, V]) scan(of span, yield func(Entry[K, V]) bool) {
	s.rows.scan(of, func(_ record.Time, b []byte, v V, at record.Time) bool {
		key, ok := s.decode(b)
		return ok && yield(Entry[K, V]{key, v, at})
	})
}

// pairs leaves out the times.
func pairs[K, V any](entries iter.Seq[Entry[K, V]]) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e := range entries {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// keys is a store's name and how its keys are written.
type keys[K any] struct {
	space   *Space
	name    string
	serde   serde.Serde[K]
	scratch []byte
}

func newKeys[K any](s *Space, name string, key serde.Serde[K]) keys[K] {
	return keys[K]{space: s, name: name, serde: key, scratch: make([]byte, 0, 64)}
}

// Name is the store's name.
func (k *keys[K]) Name() string { return k.name }

// encode is the key's bytes, valid until the next call. If there are none, the space fails.
func (k *keys[K]) encode(key K) (b []byte, ok bool) {
	b, err := k.serde.Append(k.scratch[:0], key)
	if err != nil {
		k.space.fail(fmt.Errorf("store: encode a key for store %q: %w", k.name, err))
		return nil, false
	}
	k.scratch = b
	return b, true
}

func (k *keys[K]) decode(b []byte) (key K, ok bool) {
	key, err := k.serde.Decode(b)
	if err != nil {
		k.space.fail(fmt.Errorf("store: key in store %q: %w", k.name, err))
		return key, false
	}
	return key, true
}
