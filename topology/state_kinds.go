package topology

import (
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

// WindowStore is a store for processors: a row per key and start, of which the rows of one key are
// asked for. Windows are of that size, which only says where one ends; they are there to be read for
// the retention after their start, by the highest start written. A put is refused, and counted as
// "expired", once it is beyond that: with InMemory at once, else once all that stands with it is,
// which is up to half the retention, or a minute, later. Kafka: StreamsBuilder.addStateStore,
// Stores.persistentWindowStore and inMemoryWindowStore, without duplicates.
func (b *Builder) WindowStore[K, V any](
	name string, key serde.Serde[K], value serde.Serde[V], size, retention time.Duration, opts ...StateOption,
) store.WindowRef[K, V] {
	s := b.newState("WindowStore", name, opts)
	s.n.checkGiven(fmt.Sprintf("store %q", name), "WindowStore", key != nil, value != nil)
	if size < time.Millisecond {
		s.n.fail(fmt.Sprintf("the windows of store %q have size %v", name, size), "give at least a millisecond")
	}
	if retention < size {
		s.n.fail(fmt.Sprintf("the retention of store %q, %v, is shorter than its windows, %v", name, retention, size),
			"give at least their size")
	}
	s.store.Kind, s.store.WindowSize, s.store.Retention = plan.Window, size, retention
	readState(s, key, value)
	s.store.Open = func(space *store.Space) store.State {
		key, value := boundTo(name, key, value)
		return store.OpenKeyedWindow(space, store.Definition{
			Name: name, InMemory: s.store.InMemory, WindowSize: size, Retention: retention,
		}, key, value)
	}
	return store.WindowHandle[K, V](b.owner, name)
}

// SessionStore is a store for processors: a row per key and session, of which those of one key that have a
// time in common with a span are asked for. Sessions are there to be read for the retention after their
// end, by the highest end written. A put is refused, and counted as "expired", under the rules of
// WindowStore. Kafka: StreamsBuilder.addStateStore, Stores.persistentSessionStore and
// inMemorySessionStore.
func (b *Builder) SessionStore[K, V any](
	name string, key serde.Serde[K], value serde.Serde[V], retention time.Duration, opts ...StateOption,
) store.SessionRef[K, V] {
	s := b.newState("SessionStore", name, opts)
	s.n.checkGiven(fmt.Sprintf("store %q", name), "SessionStore", key != nil, value != nil)
	if retention < time.Millisecond {
		s.n.fail(fmt.Sprintf("the retention of store %q is %v", name, retention), "give at least a millisecond")
	}
	s.store.Kind, s.store.Retention = plan.Session, retention
	readState(s, key, value)
	s.store.Open = func(space *store.Space) store.State {
		key, value := boundTo(name, key, value)
		return store.OpenSession(space, store.Definition{
			Name: name, InMemory: s.store.InMemory, Retention: retention,
		}, key, value)
	}
	return store.SessionHandle[K, V](b.owner, name)
}

// VersionedStore is a store for processors: the values of each key over time. Versions that ended
// earlier than the history before the highest time written are not there; a put from before that is
// refused, and counted as "expired". A put costs a copy of what the key has within the history.
// Kafka: StreamsBuilder.addStateStore, Stores.versionedKeyValueStoreBuilder (KIP-889).
func (b *Builder) VersionedStore[K, V any](
	name string, key serde.Serde[K], value serde.Serde[V], history time.Duration, opts ...StateOption,
) store.VersionedRef[K, V] {
	s := b.newState("VersionedStore", name, opts)
	s.n.checkGiven(fmt.Sprintf("store %q", name), "VersionedStore", key != nil, value != nil)
	if history < 0 {
		s.n.fail(fmt.Sprintf("the history of store %q is %v", name, history), "give zero or more")
	}
	s.store.Kind, s.store.Retention = plan.Versioned, history
	readState(s, key, value)
	s.store.Open = func(space *store.Space) store.State {
		key, value := boundTo(name, key, value)
		return store.OpenVersioned(space, store.Definition{
			Name: name, InMemory: s.store.InMemory, Retention: history,
		}, key, value)
	}
	return store.VersionedHandle[K, V](b.owner, name)
}

// readState is for queries of a store of processors' own.
func readState[K, V any](s *state, key serde.Serde[K], value serde.Serde[V]) {
	name := s.store.Name
	s.store.Serdes = func() store.Serdes[K, V] {
		key, value := boundTo(name, key, value)
		return store.Serdes[K, V]{Key: key, Value: value}
	}
}
