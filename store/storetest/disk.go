package storetest

import (
	"math/rand/v2"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/pitwheel/pitwheel/store"
)

// Disk is a file system in memory that knows what was synced, so that it can be left as a crash would
// leave it, and that fails where a test says so.
type Disk struct {
	store.FS
	memory *vfs.MemFS
	fault  atomic.Pointer[func(path string, write bool) error]
}

// NewDisk makes an empty one.
func NewDisk() *Disk { return diskOf(vfs.NewCrashableMem()) }

func diskOf(memory *vfs.MemFS) *Disk {
	d := &Disk{memory: memory}
	d.FS = errorfs.Wrap(memory, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if f := d.fault.Load(); f != nil {
			return (*f)(op.Path, op.Kind.ReadOrWrite() == errorfs.OpIsWrite)
		}
		return nil
	}))
	return d
}

// Crash is another disk, as this one would be after a crash now: with all that was synced, and so many
// percent of the rest. Whoever goes on with this one writes to nowhere.
func (d *Disk) Crash(unsynced int, rnd *rand.Rand) *Disk {
	return diskOf(d.memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rnd}))
}

// Fault is asked before each operation, from any goroutine: an error is its answer. Nil ends it.
func (d *Disk) Fault(f func(path string, write bool) error) {
	if f == nil {
		d.fault.Store(nil)
		return
	}
	d.fault.Store(&f)
}
