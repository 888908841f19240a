package store

import (
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// Shared is what all spaces of a process share: Pebble's block cache and file cache, and the
// budget of the write-back caches. It is safe for concurrent use.
type Shared struct {
	budget int64
	used   atomic.Int64
	blocks *pebble.Cache // nil: none
	files  *pebble.FileCache

	mu     sync.Mutex
	closed bool
}

// Budgets where none is given, in bytes.
const (
	DefaultCacheBytes = 128 << 20
	DefaultBlockBytes = 32 << 20

	openFilesMax = 4096
)

// NewShared makes what spaces share. cacheBytes bounds the typed write-back caches of all spaces
// together, blockBytes Pebble's block cache and memtables; zero: the defaults. It must be closed.
// Kafka Streams: statestore.cache.max.bytes, and the block cache of a RocksDBConfigSetter.
func NewShared(cacheBytes, blockBytes int64) *Shared {
	if cacheBytes <= 0 {
		cacheBytes = DefaultCacheBytes
	}
	if blockBytes <= 0 {
		blockBytes = DefaultBlockBytes
	}
	return &Shared{
		budget: cacheBytes,
		blocks: pebble.NewCache(blockBytes),
		files:  pebble.NewFileCache(1, openFilesMax),
	}
}

// Over says that the caches were over their budget when their spaces last looked. If it still
// says so after Trim, what they hold is not committed: commit early.
func (s *Shared) Over() bool { return s.used.Load() > s.budget }

// Used is how many bytes the caches held when their spaces last looked.
func (s *Shared) Used() int64 { return s.used.Load() }

// Budget is how many bytes the caches may hold.
func (s *Shared) Budget() int64 { return s.budget }

// BlockBytes is how many bytes Pebble's block cache holds.
func (s *Shared) BlockBytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocks == nil || s.closed {
		return 0
	}
	return s.blocks.Metrics().Size
}

// Close releases what is shared. All spaces must be closed.
func (s *Shared) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.files.Unref()
	s.blocks.Unref()
	return nil
}
