package topology

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

// KeyValueStore is a store for processors: a row per key. Its handle connects it with each of them. What
// is connected with one store becomes one subtopology. Kafka: StreamsBuilder.addStateStore,
// Stores.timestampedKeyValueStoreBuilder.
func (b *Builder) KeyValueStore[K, V any](
	name string, key serde.Serde[K], value serde.Serde[V], opts ...StateOption,
) store.KeyValueRef[K, V] {
	s := b.newState("KeyValueStore", name, opts)
	s.n.checkGiven(fmt.Sprintf("store %q", name), "KeyValueStore", key != nil, value != nil)
	s.store.Kind = plan.KeyValue
	readState(s, key, value)
	s.store.Open = func(space *store.Space) store.State {
		key, value := boundTo(name, key, value)
		return store.OpenKeyValue(space, store.Definition{Name: name, InMemory: s.store.InMemory}, key, value)
	}
	serdes := func() store.Serdes[K, V] {
		key, value := boundTo(name, key, value)
		return store.Serdes[K, V]{Key: key, Value: value}
	}
	s.store.Serdes = serdes
	s.store.Global = func(of *store.Committed, in *store.Space) any { return store.OpenGlobal(of, in, serdes()) }
	return store.KeyValueHandle[K, V](b.owner, name)
}

// state is a store of processors' own.
type state struct {
	n      *node // the call that made it, which is in no graph
	store  *plan.Store
	global *node // the ProcessGlobal that keeps it; nil: it is not global
}

// newState notes a store of processors' own.
func (b *Builder) newState(verb, name string, opts []StateOption) *state {
	set := settingsOf(opts)
	set.given[asOption] = true // its name is always given
	n := b.call(verb, "")
	n.checkStore(set, name)
	s := &state{n: n, store: &plan.Store{
		Name: name, Logged: !set.given[noChangelogOption], InMemory: set.given[inMemoryOption], TopicConfig: set.config,
	}}
	b.states = append(b.states, s)
	return s
}

// boundTo binds a store's serdes to its changelog's name, which stands without the application id.
func boundTo[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) (serde.Serde[K], serde.Serde[V]) {
	topic := name + changelogSuffix
	return serde.Bind(key, topic, serde.Key), serde.Bind(value, topic, serde.Value)
}

// stateNamed is the processors' own store of that name; nil: there is none.
func (b *Builder) stateNamed(name string) *state {
	i := slices.IndexFunc(b.states, func(s *state) bool { return s.store.Name == name })
	if i < 0 {
		return nil
	}
	return b.states[i]
}

// connectStores gives processors the stores whose handles they were given.
func (b *Builder) connectStores() {
	b.checkGlobals()
	used := map[string]bool{}
	for _, n := range b.nodes {
		for _, u := range n.connected {
			if u.Kind != sideKind {
				used[u.Name] = true
				n.tail.Stores = append(n.tail.Stores, u.Name)
			}
		}
	}
	for _, s := range b.states {
		if !used[s.store.Name] {
			s.n.fail(fmt.Sprintf("nothing uses the store %q", s.store.Name),
				"give its handle to the Process of those who do, or remove it")
		}
	}
}

// keptStore is a store and who made it.
type keptStore struct {
	n    *node
	name string
	fix  string // how to name it otherwise
}

// keptStores are all stores, in the order of the calls.
func (b *Builder) keptStores() []keptStore {
	var all []keptStore
	for _, n := range b.nodes {
		for _, s := range n.stores {
			all = append(all, keptStore{n, s.Name, "give one of them another topology.As"})
		}
	}
	for _, s := range b.states {
		all = append(all, keptStore{s.n, s.store.Name, "give one of them another name"})
	}
	slices.SortStableFunc(all, func(x, y keptStore) int { return cmp.Compare(x.n.order, y.n.order) })
	return all
}
