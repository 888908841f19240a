package store

import (
	"fmt"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

// ReadOnly is the store for code that may not write to it, because a step of the topology keeps it: a
// write is a failure of the space, which ends the task before anything is committed.
func ReadOnly(s State) any {
	if s, ok := s.(interface{ readOnly() any }); ok {
		return s.readOnly()
	}
	return s
}

func (s *KeyValueStore[K, V]) readOnly() any { return readOnlyKeyValue[K, V]{s} }

type readOnlyKeyValue[K, V any] struct{ *KeyValueStore[K, V] }

var _ KeyValue[string, int64] = readOnlyKeyValue[string, int64]{}

func (s readOnlyKeyValue[K, V]) Put(K, V)                { s.space.failWrite(s.name) }
func (s readOnlyKeyValue[K, V]) PutAt(K, V, record.Time) { s.space.failWrite(s.name) }
func (s readOnlyKeyValue[K, V]) Delete(K)                { s.space.failWrite(s.name) }

func (s *WindowStore[K, V]) readOnly() any { return readOnlyWindow[K, V]{s} }

type readOnlyWindow[K, V any] struct{ *WindowStore[K, V] }

var _ Window[string, int64] = readOnlyWindow[string, int64]{}

func (s readOnlyWindow[K, V]) Put(K, record.Time, V)                { s.space.failWrite(s.name) }
func (s readOnlyWindow[K, V]) PutAt(K, record.Time, V, record.Time) { s.space.failWrite(s.name) }
func (s readOnlyWindow[K, V]) Delete(K, record.Time)                { s.space.failWrite(s.name) }

func (s *KeyedWindowStore[K, V]) readOnly() any { return readOnlyKeyedWindow[K, V]{s} }

type readOnlyKeyedWindow[K, V any] struct{ *KeyedWindowStore[K, V] }

var _ Window[string, int64] = readOnlyKeyedWindow[string, int64]{}

func (s readOnlyKeyedWindow[K, V]) Put(K, record.Time, V)                { s.space.failWrite(s.name) }
func (s readOnlyKeyedWindow[K, V]) PutAt(K, record.Time, V, record.Time) { s.space.failWrite(s.name) }
func (s readOnlyKeyedWindow[K, V]) Delete(K, record.Time)                { s.space.failWrite(s.name) }

func (s *SessionStore[K, V]) readOnly() any { return readOnlySession[K, V]{s} }

type readOnlySession[K, V any] struct{ *SessionStore[K, V] }

var _ Session[string, int64] = readOnlySession[string, int64]{}

func (s readOnlySession[K, V]) Put(windowing.Key[K], V)                { s.space.failWrite(s.name) }
func (s readOnlySession[K, V]) PutAt(windowing.Key[K], V, record.Time) { s.space.failWrite(s.name) }
func (s readOnlySession[K, V]) Delete(windowing.Key[K])                { s.space.failWrite(s.name) }

func (s *VersionedStore[K, V]) readOnly() any { return readOnlyVersioned[K, V]{s} }

type readOnlyVersioned[K, V any] struct{ *VersionedStore[K, V] }

var _ Versioned[string, int64] = readOnlyVersioned[string, int64]{}

func (s readOnlyVersioned[K, V]) Put(K, V, record.Time) (to record.Time, ok bool) {
	s.space.failWrite(s.name)
	return to, false
}

func (s readOnlyVersioned[K, V]) Delete(K, record.Time) (v Version[V], ok bool) {
	s.space.failWrite(s.name)
	return v, false
}

func (s *Space) failWrite(store string) {
	s.fail(fmt.Errorf("store: a processor wrote to store %q, which a table keeps: what it wrote would not reach "+
		"what follows the table: write to a store of the processor's own", store))
}
