package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/pitwheel/pitwheel/record"
)

// Why a space cannot be opened or used.
var (
	// ErrFormat is that the directory was written by a version with another format.
	ErrFormat = errors.New("store: the state directory has another format")
	// ErrInUse is that another process, or another space of this one, has the directory open.
	ErrInUse = errors.New("store: the state directory is in use")
	// ErrClosed is that the space was closed.
	ErrClosed = errors.New("store: the space is closed")
)

// IsCorruption says whether err is that the files of a state directory are damaged: then it can be
// moved away and its stores restored from their changelogs.
func IsCorruption(err error) bool { return pebble.IsCorruptionError(err) }

// Space is a task's local state: its stores and the checkpoint that they stand at. Kafka Streams:
// ProcessorStateManager with the task's directory.
//
// It belongs to one goroutine. A failure of its stores sticks to it, see Err.
type Space struct {
	shared    *Shared
	ownShared bool
	primary   *base
	volatile  *base // of the stores in memory of a space on disk; nil: there are none
	stores    []stored
	byName    map[string]stored

	gens    generations
	epoch   uint64 // calls of Trim
	now     record.Time
	charged int64 // what Shared's sum has of this space
	err     error
	closed  bool
	gate    gate // of other goroutines' reads
}

// SpaceConfig is how a Space is opened.
type SpaceConfig struct {
	// Dir is the task's directory, made if it is missing. Empty: everything is in memory.
	Dir string
	// FS is the file system of Dir; nil: the operating system's.
	FS FS
	// Shared is what the process's spaces share; nil: its own, with the default budgets.
	Shared *Shared
	// Logger gets what goes wrong in the background; nil: slog.Default.
	Logger *slog.Logger

	memTable uint64 // for tests: the size of Pebble's memtable in bytes; 0: memTableBytes
}

// Definition is a store to open.
type Definition struct {
	// Name is unique within its space.
	Name string
	// InMemory keeps the rows in memory, also in a space on disk: they are restored from the
	// changelog each time the space is opened. Kafka Streams: Stores.inMemoryKeyValueStore.
	InMemory bool
	// WindowSize is from a window's start to its end.
	WindowSize time.Duration
	// Retention is how long a window stays readable: rows whose start is at or before the highest
	// start written minus it are not there. Zero: for ever. Of a versioned store it is how long old
	// versions stay readable. Kafka Streams: retentionPeriod, historyRetention.
	Retention time.Duration
	// ByTime makes ByTime of a store whose rows stand by key possible, at the cost of a second, small
	// row for each.
	ByTime bool

	segment record.Time // for tests: the interval of a window store by key; 0: by its retention
}

// State is a store without types, as its task's engine sees it.
type State interface {
	// Name is the store's name.
	Name() string
}

// stored is what a space asks of a store's cache.
type stored interface {
	core() *origin

	freeze() (f FrozenStore, ok bool)
	settle(f *FrozenStore)
	abort()
	restored()
	renumber(by uint32)
	seal()

	stats() StoreStats
	held() int64
	age()
	dropIdle(before uint64, need int64) (freed int64)
	evictable() int64
	sweep(share float64)
}

// OpenSpace opens a task's state, or makes it. Errors are ErrInUse, ErrFormat, those for which
// IsCorruption is true, and the file system's. It must be closed.
func OpenSpace(c SpaceConfig) (*Space, error) {
	s := &Space{shared: c.Shared, byName: map[string]stored{}, gens: generations{current: firstGeneration}}
	switch {
	case s.shared != nil:
	case c.Dir == "": // Pebble's caches, which start goroutines, are not needed
		s.shared = &Shared{budget: DefaultCacheBytes}
	default:
		s.shared, s.ownShared = NewShared(0, 0), true
	}
	if err := s.open(c); err != nil {
		if s.ownShared {
			err = errors.Join(err, s.shared.Close())
		}
		return nil, err
	}
	return s, nil
}

func (s *Space) open(c SpaceConfig) (err error) {
	if c.Dir == "" {
		s.primary, err = openBase(newMemory())
		return err
	}
	if c.FS == nil {
		c.FS = ownerOnly{vfs.Default}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.memTable == 0 {
		c.memTable = memTableBytes
	}
	d, err := openDisk(c, s.shared)
	if err != nil {
		return err
	}
	if s.primary, err = openBase(d); err != nil {
		return errors.Join(fmt.Errorf("store: read %s: %w", c.Dir, err), d.close())
	}
	return nil
}

// register opens a store's place in the space.
func (s *Space) register(c stored, d Definition) {
	s.stores = append(s.stores, c)
	if s.err != nil {
		return
	}
	if s.byName[d.Name] != nil {
		s.fail(fmt.Errorf("store: %q is opened twice", d.Name))
		return
	}
	s.byName[d.Name] = c
	b := s.primary
	if _, inMemory := b.backend.(*memory); d.InMemory && !inMemory {
		if s.volatile == nil {
			s.volatile, _ = openBase(newMemory())
		}
		b = s.volatile
		delete(s.primary.cp.Positions, d.Name) // it may have been on disk before
	}
	if err := c.core().attach(b); err != nil {
		s.fail(fmt.Errorf("store: open %q: %w", d.Name, err))
	}
}

// fail keeps the first failure; from then on the stores read as empty and take no writes.
func (s *Space) fail(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	for _, c := range s.stores {
		c.seal()
	}
}

// Err is the first thing that went wrong with the space or one of its stores: a key or value that
// does not encode or decode, a read or write that failed. It sticks: the stores read as empty
// afterwards and nothing can be applied. The task must fail before anything is committed.
func (s *Space) Err() error {
	if s.err == nil {
		if err := s.primary.failure(); err != nil {
			s.fail(err)
		}
	}
	return s.err
}

// Empty is true where no row and no checkpoint was ever applied.
func (s *Space) Empty() bool { return s.primary.fresh && (s.volatile == nil || s.volatile.fresh) }

// Checkpoint is where the applied state stands. The caller may keep and change it.
func (s *Space) Checkpoint() Checkpoint {
	c := s.primary.cp.clone()
	if s.volatile != nil {
		for name, position := range s.volatile.cp.Positions {
			c.Positions[name] = position
		}
	}
	return c
}

// Meta reads what SetMeta wrote.
func (s *Space) Meta(key string) (value []byte, ok bool) {
	if s.Err() != nil {
		return nil, false
	}
	value, ok, err := s.primary.get(metaKey(userTag, key))
	if err != nil {
		s.fail(err)
		return nil, false
	}
	return bytes.Clone(value), ok
}

// SetMeta keeps a value beside the stores, which the space does not look at. It is on disk when
// SetMeta returns, and with it all that was applied before.
func (s *Space) SetMeta(key string, value []byte) error {
	if err := s.Err(); err != nil {
		return err
	}
	if err := s.primary.write(metaKey(userTag, key), value); err != nil {
		s.fail(err)
		return err
	}
	return s.Flush()
}

// SetNow tells the current record's time, which Put gives to rows.
func (s *Space) SetNow(at record.Time) { s.now = at }

// Now is where SetNow keeps it.
func (s *Space) Now() *record.Time { return &s.now }

// Flush writes all that is applied to disk, where it survives a crash.
func (s *Space) Flush() error {
	if err := s.Err(); err != nil {
		return err
	}
	if err := s.primary.flush(); err != nil {
		s.fail(err)
		return err
	}
	return nil
}

// UnflushedBytes is about how much was applied since the last Flush: what a crash would lose and
// the changelogs would have to bring back. Zero: nothing.
func (s *Space) UnflushedBytes() int64 { return s.primary.unflushed() }

// Close releases everything. It does not flush: what was applied since the last Flush may be gone.
func (s *Space) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.fail(ErrClosed)
	for _, c := range s.stores {
		c.abort()
	}
	s.charge()
	err := errors.Join(s.gate.close(), s.primary.close())
	if s.volatile != nil {
		err = errors.Join(err, s.volatile.close())
	}
	if s.ownShared {
		err = errors.Join(err, s.shared.Close())
	}
	return err
}
