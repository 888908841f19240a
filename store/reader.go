package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// A reader is for other goroutines than a task's: it sees committed rows only, takes a context, and
// returns errors: the context's, ErrNotHere, ErrRestoring and ErrNotReady, which name the store and
// its partition, and what cannot be decoded or read. Walks see each partition as of the moment when
// they come to it, and are over with the first row that the loop does not want.
type (
	// KeyValueReader reads a key-value store. Kafka Streams: ReadOnlyKeyValueStore.
	KeyValueReader[K, V any] interface {
		Get(ctx context.Context, key K) (value V, ok bool, err error)
		// Entry is Get with the row's time.
		Entry(ctx context.Context, key K) (e Entry[K, V], ok bool, err error)
		// All is the rows of all partitions that are here, by partition, then in the order of key
		// bytes, and then an error for each that is not.
		All(ctx context.Context) iter.Seq2[Entry[K, V], error]
		// Scan is the rows of a range, under the rules of All.
		Scan(ctx context.Context, r Range[K]) iter.Seq2[Entry[K, V], error]
		// Prefix is the rows whose keys' bytes begin with p, under the rules of All.
		Prefix(ctx context.Context, p []byte) iter.Seq2[Entry[K, V], error]
	}

	// WindowReader reads a window store. Kafka Streams: ReadOnlyWindowStore.
	WindowReader[K, V any] interface {
		Get(ctx context.Context, key K, start record.Time) (value V, ok bool, err error)
		// Entry is Get with the row's time.
		Entry(ctx context.Context, key K, start record.Time) (e Entry[windowing.Key[K], V], ok bool, err error)
		// Range is one key's windows that start in [from, to], by start.
		Range(ctx context.Context, key K, from, to record.Time) iter.Seq2[Entry[windowing.Key[K], V], error]
		// All is the windows that start in [from, to] of all partitions that are here, by partition,
		// each key's by start, and then an error for each that is not.
		All(ctx context.Context, from, to record.Time) iter.Seq2[Entry[windowing.Key[K], V], error]
	}

	// SessionReader reads a session store. Kafka Streams: ReadOnlySessionStore.
	SessionReader[K, V any] interface {
		Get(ctx context.Context, session windowing.Key[K]) (value V, ok bool, err error)
		// Entry is Get with the row's time.
		Entry(ctx context.Context, session windowing.Key[K]) (e Entry[windowing.Key[K], V], ok bool, err error)
		// Range is one key's sessions that have a time in common with [from, to], by end, then start.
		Range(ctx context.Context, key K, from, to record.Time) iter.Seq2[Entry[windowing.Key[K], V], error]
		// All is the sessions that have a time in common with [from, to] of all partitions that are here,
		// by partition, each key's by end, then start, and then an error for each that is not.
		All(ctx context.Context, from, to record.Time) iter.Seq2[Entry[windowing.Key[K], V], error]
	}

	// VersionedReader reads a versioned store. Kafka Streams: VersionedKeyQuery,
	// MultiVersionedKeyQuery.
	VersionedReader[K, V any] interface {
		Get(ctx context.Context, key K) (v Version[V], ok bool, err error)
		AsOf(ctx context.Context, key K, at record.Time) (v Version[V], ok bool, err error)
		// History is a key's versions that were valid at some time in [from, to], the oldest first.
		History(ctx context.Context, key K, from, to record.Time) ([]Version[V], error)
	}
)

// Why a query cannot be answered here and now.
var (
	// ErrNotHere is that another instance has the partition, or that it has just moved. Kafka
	// Streams: InvalidStateStorePartitionException, StateStoreMigratedException.
	ErrNotHere = errors.New("its partition is not on this instance")
	// ErrRestoring is that the partition is here and its state is still being brought back. Kafka
	// Streams: StreamsNotRunningException of the partition's task.
	ErrRestoring = errors.New("its state is being restored")
	// ErrNotReady is that the app does not run: not yet, or not any more. Kafka Streams:
	// StreamsNotStartedException.
	ErrNotReady = errors.New("the app does not run")
	// ErrUnknown is that the plan has no such store, or one of other types.
	ErrUnknown = errors.New("the handle is not one of this plan's stores")
)

// Part is a partition of a store on this instance.
type Part struct {
	Partition int32 // -1: the store has none, being whole on each instance
	Rows      *Committed
}

// Source is where readers find a store: an app.
type Source interface {
	// Parts are the partitions to ask, in this order, with an error in the place of one that cannot
	// be. With a key's bytes it is those that may have the key, else all.
	Parts(key []byte) iter.Seq2[Part, error]
	// Fail puts the store's name and the partition before an error of a part.
	Fail(p Part, err error) error
}

// Serdes are those of a store. What bound serdes keep belongs to one goroutine.
type Serdes[K, V any] struct {
	Key   serde.Serde[K]
	Value serde.Serde[V]
}

// reader is what all readers do.
type reader[K, V any] struct {
	from Source
	pool sync.Pool // of *Serdes[K, V]
}

func newReader[K, V any](from Source, serdes func() Serdes[K, V]) *reader[K, V] {
	return &reader[K, V]{from: from, pool: sync.Pool{New: func() any {
		s := serdes()
		return &s
	}}}
}

func (r *reader[K, V]) serdes() *Serdes[K, V] { return r.pool.Get().(*Serdes[K, V]) }

// encode is the key's bytes, the caller's own.
func (s *Serdes[K, V]) encode(key K) ([]byte, error) {
	b, err := s.Key.Append([]byte{}, key)
	if err != nil {
		return nil, fmt.Errorf("store: encode the key of a query: %w", err)
	}
	return b, nil
}

func (s *Serdes[K, V]) decode(key, value []byte) (k K, v V, err error) {
	if k, err = s.Key.Decode(key); err != nil {
		return k, v, fmt.Errorf("store: a row's key does not decode: %w", err)
	}
	v, err = s.decodeValue(value)
	return k, v, err
}

func (s *Serdes[K, V]) decodeValue(value []byte) (v V, err error) {
	if v, err = s.Value.Decode(value); err != nil {
		return v, fmt.Errorf("store: a row's value does not decode: %w", err)
	}
	return v, nil
}

// find asks the parts that may have the key until f says that one has.
func (r *reader[K, V]) find(ctx context.Context, key []byte, f func(c *Committed) (found bool, err error)) error {
	var failed error
	for p, err := range r.from.Parts(key) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		found := false
		if err == nil {
			if found, err = f(p.Rows); err != nil {
				err = r.fail(p, err)
			}
		}
		if found {
			return nil
		}
		if failed == nil {
			failed = err
		}
	}
	return failed
}

// fail names the part that an error is of.
func (r *reader[K, V]) fail(p Part, err error) error {
	if errors.Is(err, ErrClosed) {
		err = fmt.Errorf("%w: its task has moved", ErrNotHere)
	}
	return r.from.Fail(p, err)
}

// partsWalk is a walk over the rows of parts.
type partsWalk[K, V, E any] struct {
	of     *reader[K, V]
	key    []byte // of the parts that may have it; nil: of all
	plan   func(o *origin, highest record.Time) (walkPlan, bool)
	decode func(row committedRow) (E, error)
}

// run yields the rows, then an error for each part that could not be read.
func (w *partsWalk[K, V, E]) run(ctx context.Context, yield func(E, error) bool) {
	var failed []error
	var none E
	for p, err := range w.of.from.Parts(w.key) {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		wanted, bad := true, error(nil)
		err = p.Rows.each(ctx, w.plan, func(row committedRow) bool {
			var e E
			if e, bad = w.decode(row); bad != nil {
				return false
			}
			wanted = yield(e, nil)
			return wanted
		})
		switch {
		case !wanted:
			return
		case ctx.Err() != nil:
			yield(none, ctx.Err())
			return
		case bad != nil || err != nil:
			failed = append(failed, w.of.fail(p, errors.Join(bad, err)))
		}
	}
	for _, err := range failed {
		if !yield(none, err) {
			return
		}
	}
}
