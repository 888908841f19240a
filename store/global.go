package store

import (
	"context"
	"fmt"
	"iter"

	"github.com/pitwheel/pitwheel/record"
)

// OpenGlobal is a global store for code in a task: it sees the rows that were applied to the store by
// the goroutine that keeps it, each look as of one moment. in is the space of the task, which a failure
// and a write are failures of. The serdes are the caller's own.
func OpenGlobal[K, V any](of *Committed, in *Space, serdes Serdes[K, V]) KeyValue[K, V] {
	return &globalKeyValue[K, V]{of: of, space: in, rows: keyValueReader[K, V]{newReader(wholeSource{of}, func() Serdes[K, V] { return serdes })}, serdes: serdes}
}

// wholeSource is a store without partitions.
type wholeSource struct{ of *Committed }

func (w wholeSource) Parts([]byte) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) { yield(Part{Partition: -1, Rows: w.of}, nil) }
}

func (w wholeSource) Fail(_ Part, err error) error {
	return fmt.Errorf("store %q: %w", w.of.of.name, err)
}

type globalKeyValue[K, V any] struct {
	of     *Committed
	space  *Space
	rows   keyValueReader[K, V]
	serdes Serdes[K, V]
	key    []byte // used again
}

var _ KeyValue[string, int64] = (*globalKeyValue[string, int64])(nil)

// Get reads the key's row.
func (g *globalKeyValue[K, V]) Get(key K) (value V, ok bool) {
	e, ok := g.Entry(key)
	return e.Value, ok
}

// Entry reads the key's row with its time.
func (g *globalKeyValue[K, V]) Entry(key K) (e Entry[K, V], ok bool) {
	var err error
	if g.key, err = g.serdes.Key.Append(g.key[:0], key); err != nil {
		g.fail(err)
		return e, false
	}
	row, ok, err := g.of.row(rowID{key: g.key})
	if err == nil && ok {
		e.Key, e.Time = key, row.at
		e.Value, err = g.serdes.Value.Decode(row.value)
	}
	if err != nil {
		g.fail(err)
		return Entry[K, V]{}, false
	}
	return e, ok
}

// Put fails the task: only the processor that keeps a global store may write to it.
func (g *globalKeyValue[K, V]) Put(K, V) { g.refuse() }

// PutAt fails the task, as Put does.
func (g *globalKeyValue[K, V]) PutAt(K, V, record.Time) { g.refuse() }

// Delete fails the task, as Put does.
func (g *globalKeyValue[K, V]) Delete(K) { g.refuse() }

// All is every row in the order of key bytes.
func (g *globalKeyValue[K, V]) All() iter.Seq2[K, V] { return g.Scan(Range[K]{}) }

// Backward is All from the last to the first.
func (g *globalKeyValue[K, V]) Backward() iter.Seq2[K, V] { return g.Scan(Range[K]{}.Reverse()) }

// Scan is the rows of a range.
func (g *globalKeyValue[K, V]) Scan(r Range[K]) iter.Seq2[K, V] {
	return g.pairs(g.rows.Scan(context.Background(), r))
}

// Prefix is the rows whose keys' bytes begin with p.
func (g *globalKeyValue[K, V]) Prefix(p []byte) iter.Seq2[K, V] {
	return g.pairs(g.rows.Prefix(context.Background(), p))
}

// Entries is All with times.
func (g *globalKeyValue[K, V]) Entries() iter.Seq[Entry[K, V]] {
	return func(yield func(Entry[K, V]) bool) {
		for e, err := range g.rows.All(context.Background()) {
			if err != nil {
				g.fail(err)
				return
			}
			if !yield(e) {
				return
			}
		}
	}
}

func (g *globalKeyValue[K, V]) pairs(rows iter.Seq2[Entry[K, V], error]) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e, err := range rows {
			if err != nil {
				g.fail(err)
				return
			}
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

func (g *globalKeyValue[K, V]) fail(err error) {
	g.space.fail(fmt.Errorf("store: global store %q: %w", g.of.of.name, err))
}

func (g *globalKeyValue[K, V]) refuse() {
	g.space.fail(fmt.Errorf("store: a processor wrote to global store %q, which its ProcessGlobal alone may: "+
		"write to the store's topic instead", g.of.of.name))
}
