package store

import (
	"errors"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ownerOnly is the disk, on which every file that is made is for its owner alone. Pebble leaves that to
// the process's umask, which is everybody's in a process.
type ownerOnly struct{ vfs.FS }

const ownerMode = 0o600

func (o ownerOnly) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := o.FS.Create(name, category)
	return private(name, f, err)
}

func (o ownerOnly) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := o.FS.OpenReadWrite(name, category, opts...)
	return private(name, f, err)
}

func (o ownerOnly) ReuseForWrite(oldName, newName string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := o.FS.ReuseForWrite(oldName, newName, category)
	return private(newName, f, err)
}

func (o ownerOnly) Lock(name string) (io.Closer, error) {
	l, err := o.FS.Lock(name)
	return private(name, l, err)
}

// Unwrap is the disk itself.
func (o ownerOnly) Unwrap() vfs.FS { return o.FS }

// private takes the file from all others, or gives it up.
func private[F io.Closer](name string, f F, err error) (F, error) {
	if err != nil {
		return f, err
	}
	if err := os.Chmod(name, ownerMode); err != nil {
		var none F
		return none, errors.Join(err, f.Close())
	}
	return f, nil
}
