package store

import (
	"fmt"

	"github.com/pitwheel/pitwheel/record"
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

func (s *Space) failWrite(store string) {
	s.fail(fmt.Errorf("store: a processor wrote to store %q, which a table keeps: what it wrote would not reach "+
		"what follows the table: write to a store of the processor's own", store))
}
