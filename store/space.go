package store

import (
	"log/slog"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// CONTRACT ONLY: the store agent replaces bodies; signatures below are what others compile against.

// Space is a task's local state: its stores and the checkpoint that they stand at.
type Space struct{}

// SpaceConfig is how a Space is opened.
type SpaceConfig struct {
	Dir    string       // the task's directory, made if missing; empty: everything in memory
	Shared *Shared      // what the process's spaces share; nil: its own
	Logger *slog.Logger // nil: slog.Default
}

// Shared is what all spaces of a process share: Pebble's block cache and file cache, and the
// budget of the write-back caches.
type Shared struct{}

// NewShared: cacheBytes bounds the typed write-back caches of all spaces together, blockBytes Pebble's block cache.
func NewShared(cacheBytes, blockBytes int64) *Shared { return &Shared{} }

// Over says that the caches are over their budget: commit early.
func (s *Shared) Over() bool { return false }

// Close releases what is shared. All spaces must be closed.
func (s *Shared) Close() error { return nil }

// Definition is a store to open.
type Definition struct {
	Name       string
	InMemory   bool
	WindowSize time.Duration
	Retention  time.Duration
}

// Checkpoint is where the state stands.
type Checkpoint struct {
	Seq       int64            // the commit's number; 0: none yet
	Positions map[string]int64 // by store name: the changelog offset up to which it is complete
}

// Frozen is a generation of writes, encoded: later writes don't touch it.
type Frozen struct {
	Stores []FrozenStore // those with entries or expiry, in the order they were opened
}

// FrozenStore is one store's part of a generation.
type FrozenStore struct {
	Name    string
	Window  bool // Start counts
	Entries []FrozenEntry // sorted by start, then key bytes; a key stands once
}

// FrozenEntry is a row as it is to be written.
type FrozenEntry struct {
	Key   []byte
	Start record.Time
	Value []byte // nil: deleted
	Time  record.Time
}

// State is a store without types, as its task's engine sees it.
type State interface {
	Name() string
}

func OpenSpace(c SpaceConfig) (*Space, error)                 { return &Space{}, nil }
func (s *Space) Checkpoint() Checkpoint                       { return Checkpoint{} }
func (s *Space) Meta(key string) (value []byte, ok bool)      { return nil, false }
func (s *Space) SetMeta(key string, value []byte) error       { return nil } // written and flushed at once
func (s *Space) Empty() bool                                  { return true } // no row and no checkpoint ever applied
func (s *Space) Freeze() *Frozen                              { return nil }
func (s *Space) Apply(f *Frozen, c Checkpoint) error          { return nil }
func (s *Space) Abort()                                       {}
func (s *Space) Restore(store string, rows []FrozenEntry, position int64) error { return nil }
func (s *Space) SetNow(at record.Time)                        {} // the current record's time, for Put
func (s *Space) Err() error                                   { return nil } // the sticky failure
func (s *Space) Trim()                                        {} // evicts clean entries while over budget; between steps
func (s *Space) Flush() error                                 { return nil } // Pebble's memtable to disk
func (s *Space) UnflushedBytes() int64                        { return 0 }
func (s *Space) Close() error                                 { return nil } // does not flush

// KeyValueStore is a typed key-value store over the cache. It implements KeyValue.
type KeyValueStore[K, V any] struct{ name string }

func OpenKeyValue[K, V any](s *Space, d Definition, key serde.Serde[K], value serde.Serde[V]) *KeyValueStore[K, V] {
	return &KeyValueStore[K, V]{d.Name}
}
func (s *KeyValueStore[K, V]) Name() string { return s.name }

// Find reads the row; Set or Remove may follow, for the same key, before any other call.
func (s *KeyValueStore[K, V]) Find(key K) (v V, at record.Time, ok bool) { return }
func (s *KeyValueStore[K, V]) Set(v V, at record.Time)                    {}
func (s *KeyValueStore[K, V]) Remove(at record.Time)                      {}

// WindowStore is a typed window store over the cache. It implements Window.
type WindowStore[K, V any] struct{ name string }

func OpenWindow[K, V any](s *Space, d Definition, key serde.Serde[K], value serde.Serde[V]) *WindowStore[K, V] {
	return &WindowStore[K, V]{d.Name}
}
func (s *WindowStore[K, V]) Name() string { return s.name }

// Find reads the row; Set or Remove may follow, for the same key and start, before any other call.
func (s *WindowStore[K, V]) Find(key K, start record.Time) (v V, at record.Time, ok bool) { return }
func (s *WindowStore[K, V]) Set(v V, at record.Time)                                        {}
func (s *WindowStore[K, V]) Remove(at record.Time)                                          {}
