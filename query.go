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
func (a *App) KeyValue[K, V any](r store.KeyValueRef[K, V], opts ...QueryOption) store.KeyValueReader[K, V] {
	q := newQuery[K, V](a, r.Use(), plans.KeyValue, opts)
	return store.NewKeyValueReader(q, q.serdes)
}

// Window reads the committed rows of a window store, under the rules of KeyValue.
func (a *App) Window[K, V any](r store.WindowRef[K, V], opts ...QueryOption) store.WindowReader[K, V] {
	q := newQuery[K, V](a, r.Use(), plans.Window, opts)
	return store.NewWindowReader(q, q.size(), q.serdes)
}

// Session reads the committed rows of a session store, under the rules of KeyValue.
func (a *App) Session[K, V any](r store.SessionRef[K, V], opts ...QueryOption) store.SessionReader[K, V] {
	q := newQuery[K, V](a, r.Use(), plans.Session, opts)
	return store.NewSessionReader(q, q.serdes)
}

// Versioned reads the committed versions of a versioned store, under the rules of KeyValue.
func (a *App) Versioned[K, V any](r store.VersionedRef[K, V], opts ...QueryOption) store.VersionedReader[K, V] {
	q := newQuery[K, V](a, r.Use(), plans.Versioned, opts)
	return store.NewVersionedReader(q, q.serdes)
}

// QueryOption is an option of a query.
type QueryOption func(q *reactor.Query)

// FromStandbys answers from this instance's standbys too (Config.Standbys), for partitions whose task
// is not here. They hold committed rows only, but lag behind: what one answers may be older than
// what was seen before, by what App.Standbys says, which is as of the last records that it read. One
// that is more than maxLag changelog records behind is not asked. Kafka:
// StoreQueryParameters.enableStaleStores.
func FromStandbys(maxLag int64) QueryOption {
	return func(q *reactor.Query) { q.Standbys, q.MaxLag = true, maxLag }
}

// query is where a reader finds a store of the app.
type query[K, V any] struct {
	app    *App
	of     reactor.Query
	serdes func() store.Serdes[K, V]
	// partitionKey is the part of a key's bytes that chooses its partition.
	partitionKey func(key []byte) []byte
	// problem is what is wrong with the handle.
	problem error
}

func newQuery[K, V any](a *App, use graph.Use, kind plans.StoreKind, opts []QueryOption) *query[K, V] {
	q := &query[K, V]{app: a, partitionKey: func(key []byte) []byte { return key }}
	for _, o := range opts {
		o(&q.of)
	}
	var ok bool
	if q.of.Subtopology, q.of.Store, ok = reactor.Stored(a.plan.Compiled(), use.Name); ok {
		q.serdes, ok = q.of.Store.Serdes.(func() store.Serdes[K, V])
	}
	if !ok || q.of.Store.Kind != kind {
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
			yield(store.Part{}, fmt.Errorf("store %q: %w: it is %v", q.of.Store.Name, store.ErrNotReady, q.app.State()))
			return
		}
		if key != nil {
			key = q.partitionKey(key)
		}
		engine.Parts(q.of, key)(yield)
	}
}

// Fail is for readers alone: store.Source.
func (q *query[K, V]) Fail(p store.Part, err error) error {
	return reactor.PartError(q.of.Store.Name, p.Partition, err)
}

func (q *query[K, V]) size() (d time.Duration) {
	if q.problem == nil {
		d = q.of.Store.WindowSize
	}
	return d
}

// broken is the serde of a store that there is not.
type broken[T any] struct{ err error }

func (b broken[T]) Append([]byte, T) ([]byte, error) { return nil, b.err }
func (b broken[T]) Decode([]byte) (v T, err error)   { return v, b.err }
