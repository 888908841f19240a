package pitwheel

import (
	"fmt"
	"iter"
	"time"

	"github.com/pitwheel/pitwheel/internal/graph"
	plans "github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/internal/reactor"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

// KeyValue reads the committed rows of a key-value store, from any goroutine, before, while and
// after the app runs; see store.KeyValueReader for its errors. It never waits for records that are
// being processed, and they never wait for it. Kafka: KafkaStreams.store.
func (a *App) KeyValue[K, V any](r store.KeyValueRef[K, V]) store.KeyValueReader[K, V] {
	q := newQuery[K, V](a, r.Use(), plans.KeyValue)
	return store.NewKeyValueReader(q, q.serdes)
}

// Window reads the committed rows of a window store, under the rules of KeyValue.
func (a *App) Window[K, V any](r store.WindowRef[K, V]) store.WindowReader[K, V] {
	q := newQuery[K, V](a, r.Use(), plans.Window)
	return store.NewWindowReader(q, q.size(), q.serdes)
}

// Versioned reads the committed versions of a versioned store, under the rules of KeyValue.
func (a *App) Versioned[K, V any](r store.VersionedRef[K, V]) store.VersionedReader[K, V] {
	q := newQuery[K, V](a, r.Use(), plans.Versioned)
	return store.NewVersionedReader(q, q.serdes)
}

// query is where a reader finds a store of the app.
type query[K, V any] struct {
	app    *App
	sub    *plans.Subtopology
	store  *plans.Store
	serdes func() store.Serdes[K, V]
	// partitionKey is the part of a key's bytes that chooses its partition.
	partitionKey func(key []byte) []byte
	// problem is what is wrong with the handle.
	problem error
}

func newQuery[K, V any](a *App, use graph.Use, kind plans.StoreKind) *query[K, V] {
	q := &query[K, V]{app: a, partitionKey: func(key []byte) []byte { return key }}
	var ok bool
	if q.sub, q.store, ok = reactor.Stored(a.plan.Compiled(), use.Name); ok {
		q.serdes, ok = q.store.Serdes.(func() store.Serdes[K, V])
	}
	if !ok || q.store.Kind != kind {
		q.problem = fmt.Errorf("store %q: %w", use.Name, store.ErrUnknown)
		q.serdes = func() store.Serdes[K, V] {
			return store.Serdes[K, V]{Key: broken[K]{q.problem}, Value: broken[V]{q.problem}}
		}
		return q
	}
	if k, ok := q.serdes().Key.(serde.PartitionKeyer); ok {
		q.partitionKey = k.PartitionKey
	}
	return q
}

// Parts is for readers alone: store.Source.
func (q *query[K, V]) Parts(key []byte) iter.Seq2[store.Part, error] {
	return func(yield func(store.Part, error) bool) {
		engine := q.app.engine.Load()
		switch {
		case q.problem != nil:
			yield(store.Part{}, q.problem)
			return
		case engine == nil:
			yield(store.Part{}, fmt.Errorf("store %q: %w: it is %v", q.store.Name, store.ErrNotReady, q.app.State()))
			return
		}
		if key != nil {
			key = q.partitionKey(key)
		}
		engine.Parts(q.sub, q.store, key)(yield)
	}
}

// Fail is for readers alone: store.Source.
func (q *query[K, V]) Fail(p store.Part, err error) error {
	return reactor.PartError(q.store.Name, p.Partition, err)
}

func (q *query[K, V]) size() (d time.Duration) {
	if q.problem == nil {
		d = q.store.WindowSize
	}
	return d
}

// broken is the serde of a store that there is not.
type broken[T any] struct{ err error }

func (b broken[T]) Append([]byte, T) ([]byte, error) { return nil, b.err }
func (b broken[T]) Decode([]byte) (v T, err error)   { return v, b.err }
