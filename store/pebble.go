package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a file system: Pebble's vfs.FS, which has fakes that forget what was not synced.
type FS = vfs.FS

// disk is a backend on Pebble without its write-ahead log: after a crash it comes back as it was
// after some batch that was applied, at least as new as the last flush. See invariant S3.
type disk struct {
	dir    string
	db     *pebble.DB
	lock   *pebble.Lock
	health *health

	points  *pebble.Iterator // for get; nil: to be made anew
	written int64            // bytes applied
	durable int64            // bytes applied that are flushed
	flushTo int64            // what durable becomes when flushing is done
	pending <-chan struct{}  // closes when a flush that was begun is done; nil: none

	unflushedMax int64 // bytes applied and not being flushed from which on a flush is begun
}

// Bounds for what waits in memory for the disk. Pebble's own write stalls wait without looking at
// errors, for ever on a full disk; so its thresholds are out of reach and disk keeps these.
const (
	memTableBytes   = 16 << 20
	unflushedTables = 4
	sublevelsMax    = 24
	thresholdNever  = 1 << 20
	bloomBitsPerKey = 10
)

func openDisk(c SpaceConfig, shared *Shared) (*disk, error) {
	if err := c.FS.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: directory of the state: %w", err)
	}
	lock, err := pebble.LockDirectory(c.Dir, c.FS)
	if err != nil {
		if inUse(err) {
			return nil, fmt.Errorf("%w: %s: %w", ErrInUse, c.Dir, err)
		}
		return nil, fmt.Errorf("store: lock %s: %w", c.Dir, err)
	}
	d := &disk{
		dir: c.Dir, lock: lock, health: newHealth(c.Dir, c.Logger),
		unflushedMax: unflushedTables * int64(c.memTable),
	}
	options := pebbleOptions(c, shared, d.health)
	options.Lock = lock
	if err := d.open(options); err != nil {
		return nil, fmt.Errorf("store: open %s: %w", c.Dir, errors.Join(err, d.health.err(), lock.Close()))
	}
	return d, nil
}

// open opens Pebble, unless it fails in the background meanwhile: it would wait for a flush that it tries
// again at once and for ever. Then what it has opened so far is given up as it stands, its goroutines
// parked (health.halt), and the directory is free for another try.
func (d *disk) open(options *pebble.Options) error {
	type answer struct {
		db  *pebble.DB
		err error
	}
	opened := make(chan answer, 1)
	go func() {
		db, err := pebble.Open(d.dir, options)
		opened <- answer{db, err}
	}()
	select {
	case a := <-opened:
		if d.db = a.db; a.err != nil || d.health.opened() {
			return a.err
		}
	case <-d.health.halted:
	}
	// Also what Pebble holds of the lock: it never gives that back.
	return errors.Join(errors.New("it failed in the background"), d.lock.Close())
}

// inUse says whether locking failed because somebody holds the lock. Within the process the
// standard file system says so in words only.
func inUse(err error) bool {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return false
	}
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) ||
		strings.Contains(err.Error(), "lock held by current process")
}

func (d *disk) get(key []byte) (value []byte, ok bool, err error) {
	if d.points == nil {
		if d.points, err = d.db.NewIter(&pebble.IterOptions{UseL6Filters: true}); err != nil {
			return nil, false, d.wrap("read", err)
		}
	}
	// DB.Get never looks at the bloom filters of the lowest level, where nearly all rows are; a
	// seek by the whole key as the prefix does.
	if !d.points.SeekPrefixGE(key) {
		return nil, false, d.wrap("read", d.points.Error())
	}
	value, err = d.points.ValueAndErr()
	return value, err == nil, d.wrap("read", err)
}

// forget closes the iterator for get, which sees the rows as of its making.
func (d *disk) forget() error {
	if d.points == nil {
		return nil
	}
	err := d.points.Close()
	d.points = nil
	return d.wrap("read", err)
}

func (d *disk) iterate(from, to []byte) (iterator, error) {
	it, err := d.db.NewIter(within(from, to))
	if err != nil {
		return nil, d.wrap("iterate", err)
	}
	return &diskIterator{of: d, it: it}, nil
}

// within is the options of an iterator of the rows with from <= key < to. Pebble may not be given ends that are crossed.
func within(from, to []byte) *pebble.IterOptions {
	if to != nil && bytes.Compare(from, to) > 0 {
		to = from
	}
	return &pebble.IterOptions{LowerBound: from, UpperBound: to}
}

type diskIterator struct {
	of  *disk
	it  *pebble.Iterator
	err error
}

func (i *diskIterator) seek(key []byte) bool { return i.it.SeekGE(key) }
func (i *diskIterator) next() bool           { return i.it.Next() }
func (i *diskIterator) last() bool           { return i.it.Last() }
func (i *diskIterator) prev() bool           { return i.it.Prev() }
func (i *diskIterator) key() []byte          { return i.it.Key() }

func (i *diskIterator) value() []byte {
	v, err := i.it.ValueAndErr()
	if err != nil && i.err == nil {
		i.err = err
	}
	return v
}

func (i *diskIterator) close() error {
	return i.of.wrap("iterate", errors.Join(i.err, i.it.Close()))
}

func (d *disk) begin() batch { return &diskBatch{to: d, b: d.db.NewBatch()} }

// diskBatch keeps the first error for apply: only a batch too large for Pebble has any.
type diskBatch struct {
	to  *disk
	b   *pebble.Batch
	err error
}

func (b *diskBatch) set(key, value []byte)       { b.keep(b.b.Set(key, value, nil)) }
func (b *diskBatch) remove(key []byte)           { b.keep(b.b.Delete(key, nil)) }
func (b *diskBatch) removeRange(from, to []byte) { b.keep(b.b.DeleteRange(from, to, nil)) }

func (b *diskBatch) keep(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *diskBatch) apply() error {
	d := b.to
	if err := errors.Join(b.err, d.failure(), d.forget(), d.throttle()); err != nil {
		return errors.Join(d.wrap("apply", err), b.b.Close())
	}
	size := int64(b.b.Len())
	if err := d.db.Apply(b.b, pebble.NoSync); err != nil {
		return errors.Join(d.wrap("apply", err), b.b.Close())
	}
	d.written += size
	return errors.Join(d.wrap("apply", b.b.Close()), d.failure())
}

// throttle holds writes back while the disk is far behind, and ends when it fails.
func (d *disk) throttle() error {
	d.reap()
	if d.written-d.flushTo < d.unflushedMax {
		return nil
	}
	if err := d.await(); err != nil {
		return err
	}
	for d.db.Metrics().Levels[0].Sublevels > sublevelsMax {
		select {
		case <-d.health.compacted:
		case <-d.health.failed:
			return d.failure()
		}
	}
	return d.startFlush()
}

// startFlush begins to flush all that was applied so far.
func (d *disk) startFlush() error {
	done, err := d.db.AsyncFlush()
	if err != nil {
		return err
	}
	d.pending, d.flushTo = done, d.written
	return nil
}

// await waits until the flush that was begun, if any, is done.
func (d *disk) await() error {
	if d.pending == nil {
		return nil
	}
	select {
	case <-d.pending:
		d.reap()
		return nil
	case <-d.health.failed:
		return d.failure()
	}
}

// reap takes note of a flush that is done.
func (d *disk) reap() {
	if d.pending == nil {
		return
	}
	select {
	case <-d.pending:
		d.pending, d.durable = nil, d.flushTo
	default:
	}
}

func (d *disk) flush() error {
	err := errors.Join(d.failure(), d.forget())
	if err == nil {
		err = d.await()
	}
	if err == nil {
		err = d.startFlush()
	}
	if err == nil {
		err = d.await()
	}
	return d.wrap("flush", err)
}

func (d *disk) unflushed() int64 {
	d.reap()
	return d.written - d.durable
}

func (d *disk) size() (tables, memTables int64) {
	m := d.db.Metrics()
	for i := range m.Levels {
		tables += m.Levels[i].TablesSize
	}
	return tables, int64(m.MemTable.Size)
}

func (d *disk) failure() error { return d.health.err() }

func (d *disk) close() error {
	err := errors.Join(d.forget(), d.db.Close(), d.lock.Close())
	return d.wrap("close", err)
}

func (d *disk) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store: %s %s: %w", what, d.dir, err)
}
