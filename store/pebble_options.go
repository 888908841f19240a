package store

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// pebbleOptions are those of a task's Pebble. See invariant S3 for what its missing log means.
func pebbleOptions(c SpaceConfig, shared *Shared, h *health) *pebble.Options {
	o := &pebble.Options{
		FS:                 c.FS,
		Cache:              shared.blocks,
		FileCache:          shared.files,
		DisableWAL:         true,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             h,
		EventListener:      h.listener(),
		// A larger memtable makes reads of recent rows slower than reads of tables on disk.
		MemTableSize:                c.memTable,
		MemTableStopWritesThreshold: thresholdNever,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       thresholdNever,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 1 },
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = 8 << 10
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
		o.Levels[i].FilterType = pebble.TableFilter
	}
	return o
}

// health is a Pebble's logger and event listener: it remembers the first thing that went wrong.
// Pebble calls it from its own goroutines.
type health struct {
	dir       string
	logger    *slog.Logger
	failed    chan struct{} // closed at the first failure
	halted    chan struct{} // closed when a goroutine of Pebble's was parked as it opened
	compacted chan struct{} // has a value after a compaction ended

	mu      sync.Mutex
	first   error
	opening bool // Pebble has not returned from opening
}

func newHealth(dir string, logger *slog.Logger) *health {
	return &health{dir: dir, logger: logger, failed: make(chan struct{}), compacted: make(chan struct{}, 1), halted: make(chan struct{}), opening: true}
}

// err is the first failure, nil if there was none.
func (h *health) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.first
}

// fail keeps the first failure. Pebble retries a failed flush at once and for ever, so that only
// the first is logged.
func (h *health) fail(err error) {
	h.mu.Lock()
	first := h.first == nil
	if first {
		h.first = err
		close(h.failed)
	}
	h.mu.Unlock()
	if first {
		h.logger.Error("state directory failed", "dir", h.dir, "error", err)
	}
}

// opened says that Pebble is open, and from now on ends its goroutines when it is closed; or false where
// one of them was halted before.
func (h *health) opened() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opening = false
	select {
	case <-h.halted:
		return false
	default:
		return true
	}
}

// background is told of a failed flush or compaction, by its goroutine. While Pebble opens it ends that
// goroutine, with its locks given back, in the place of another try. What waits for it then waits for
// ever, and costs nothing but its memory.
func (h *health) background(err error) {
	h.fail(fmt.Errorf("in the background: %w", err))
	h.mu.Lock()
	opening := h.opening
	if opening {
		select {
		case <-h.halted:
		default:
			close(h.halted)
		}
	}
	h.mu.Unlock()
	if opening {
		runtime.Goexit()
	}
}

func (h *health) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: h.background,
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			h.fail(fmt.Errorf("%s is damaged: %w", info.Path, info.Details))
		},
		CompactionEnd: func(pebble.CompactionInfo) {
			select {
			case h.compacted <- struct{}{}:
			default:
			}
		},
	}
}

// Infof drops Pebble's chatter.
func (h *health) Infof(string, ...any) {}

// Errorf logs.
func (h *health) Errorf(format string, args ...any) {
	h.logger.Warn("pebble has trouble", "says", fmt.Sprintf(format, args...), "dir", h.dir)
}

// Fatalf marks the directory as failed and returns: the program is not ours to end. Pebble goes on
// with the error that it was about to return; no read or write of ours reaches it any more, and what
// its goroutines leave behind until it is closed is checked when the directory is opened again.
func (h *health) Fatalf(format string, args ...any) {
	h.fail(fmt.Errorf("fatal: %s", fmt.Sprintf(format, args...)))
}
