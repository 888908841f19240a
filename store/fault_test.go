package store

import (
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/pitwheel/pitwheel/serde"
)

// faulty is a file system whose operations fail while it is broken.
type faulty struct {
	FS
	broken atomic.Bool
}

func newFaulty(inner FS, err error, match func(errorfs.Op) bool) *faulty {
	f := &faulty{}
	f.FS = errorfs.Wrap(inner, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if f.broken.Load() && match(op) {
			return err
		}
		return nil
	}))
	return f
}

func writing(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite }

func openFaulty(t *testing.T, f FS) (*Space, *KeyValueStore[int64, string]) {
	t.Helper()
	s, err := OpenSpace(SpaceConfig{Dir: "state", FS: f, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s, OpenKeyValue(s, Definition{Name: "kv"}, serde.Int64(), serde.String())
}

// A disk that fails ends the space: with an error that sticks, without ending the program and
// without waiting for ever, whatever file the disk fails at.
func TestDiskFailureSticks(t *testing.T) {
	tests := []struct {
		name string
		err  error
		file string
	}{
		{"no space for tables", syscall.ENOSPC, ".sst"},
		{"no space for the manifest", syscall.ENOSPC, "MANIFEST"},
		{"no space for anything", syscall.ENOSPC, ""},
		{"input/output error in tables", syscall.EIO, ".sst"},
		{"input/output error in the manifest", syscall.EIO, "MANIFEST"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			disk := newFaulty(vfs.NewMem(), tt.err, func(op errorfs.Op) bool {
				return writing(op) && strings.Contains(op.Path, tt.file)
			})
			s, kv := openFaulty(t, disk)
			commit(t, s, kv, 0)
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
			disk.broken.Store(true)
			commit(t, s, kv, 1)
			err := s.Flush()
			if !errors.Is(err, tt.err) && !strings.Contains(err.Error(), tt.err.Error()) {
				t.Fatalf("Flush: %v, want %v", err, tt.err)
			}
			if s.Err() == nil || s.Flush() == nil || s.Apply(s.Freeze(), Checkpoint{Seq: 3}) == nil {
				t.Errorf("the failure does not stick: %v", s.Err())
			}
			if v, ok := kv.Get(1); ok {
				t.Errorf("a failed store still reads %q", v)
			}
			_ = s.Close() // may say again what failed, and must return

			disk.broken.Store(false)
			s, kv = openFaulty(t, disk)
			defer closeSpace(t, s)
			seq := s.Checkpoint().Seq
			if _, ok := kv.Get(seq); seq < 1 || seq > 2 || !ok {
				t.Errorf("after the failure the state is that of commit %d, row there: %v", seq, ok)
			}
		})
	}
}

// commit writes one row with the number of its commit, and applies it.
func commit(t *testing.T, s *Space, kv *KeyValueStore[int64, string], n int64) {
	t.Helper()
	kv.PutAt(n+1, strings.Repeat("x", 100), 0)
	if err := s.Apply(s.Freeze(), Checkpoint{Seq: n + 1}); err != nil {
		t.Fatal(err)
	}
}

func closeSpace(t *testing.T, s *Space) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpeningOnABrokenDiskIsAnError(t *testing.T) {
	for _, file := range []string{"MANIFEST", "marker", ""} {
		t.Run(file, func(t *testing.T) {
			disk := newFaulty(vfs.NewMem(), syscall.EIO, func(op errorfs.Op) bool {
				return writing(op) && strings.Contains(op.Path, file)
			})
			disk.broken.Store(true)
			if _, err := OpenSpace(SpaceConfig{Dir: "state", FS: disk, Logger: slog.New(slog.DiscardHandler)}); err == nil {
				t.Fatal("it opens")
			}
			disk.broken.Store(false)
			s, _ := openFaulty(t, disk)
			closeSpace(t, s)
		})
	}
}

// A directory is opened while the disk is full. Pebble flushes as it opens, again and again: it must be an
// error all the same, and not hold the directory.
func TestOpeningOnAFullDiskIsAnError(t *testing.T) {
	for _, file := range []string{"MANIFEST", ""} {
		t.Run(file, func(t *testing.T) {
			disk := newFaulty(vfs.NewMem(), syscall.ENOSPC, func(op errorfs.Op) bool {
				return writing(op) && strings.Contains(op.Path, file)
			})
			s, kv := openFaulty(t, disk)
			commit(t, s, kv, 0)
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
			commit(t, s, kv, 1)
			_ = s.Close()
			disk.broken.Store(true)
			_, err := OpenSpace(SpaceConfig{Dir: "state", FS: disk, Logger: slog.New(slog.DiscardHandler)})
			if err == nil || !errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
				t.Errorf("OpenSpace: %v, want %v", err, syscall.ENOSPC)
			}
			disk.broken.Store(false)
			s, kv = openFaulty(t, disk)
			defer closeSpace(t, s)
			if _, ok := kv.Get(1); !ok {
				t.Error("the row that was flushed is gone")
			}
		})
	}
}

// With a full disk writes go on only until what waits for it is too much; then they fail.
func TestFullDiskDoesNotBlockWrites(t *testing.T) {
	disk := newFaulty(vfs.NewMem(), syscall.ENOSPC, func(op errorfs.Op) bool {
		return writing(op) && strings.Contains(op.Path, ".sst")
	})
	s, kv := openFaulty(t, disk)
	disk.broken.Store(true)
	big := strings.Repeat("x", 1<<20)
	var err error
	n := 0
	for ; err == nil; n++ {
		if n > 3*unflushedTables*memTableBytes>>20 {
			t.Fatalf("%d MiB were applied on a full disk", n)
		}
		kv.PutAt(int64(n), big, 0)
		err = s.Apply(s.Freeze(), Checkpoint{Seq: 1})
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Apply: %v, want %v", err, syscall.ENOSPC)
	}
	_ = s.Close()
}

func TestReadErrorSticks(t *testing.T) {
	inner := vfs.NewMem()
	disk := newFaulty(inner, syscall.EIO, func(op errorfs.Op) bool {
		return op.Kind.ReadOrWrite() == errorfs.OpIsRead && strings.Contains(op.Path, ".sst")
	})
	shared := NewShared(1, 1) // no block stays in memory
	defer shared.Close()
	open := func() (*Space, *KeyValueStore[int64, string]) {
		s, err := OpenSpace(SpaceConfig{Dir: "state", FS: disk, Shared: shared, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return s, OpenKeyValue(s, Definition{Name: "kv"}, serde.Int64(), serde.String())
	}
	s, kv := open()
	for n := range int64(10_000) {
		kv.PutAt(n, strings.Repeat("x", 100), 0)
	}
	if err := errors.Join(s.Apply(s.Freeze(), Checkpoint{Seq: 1}), s.Flush(), s.Close()); err != nil {
		t.Fatal(err)
	}
	s, kv = open()
	if _, ok := kv.Get(1); !ok {
		t.Fatal("no row after opening anew")
	}
	disk.broken.Store(true)
	if v, ok := kv.Get(9_999); ok {
		t.Errorf("read %q from a broken disk", v)
	}
	if err := s.Err(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Err: %v, want %v", err, syscall.EIO)
	}
	_ = s.Close()
}

func TestDirectoryInUse(t *testing.T) {
	for _, place := range []struct {
		name string
		fs   FS
		dir  string
	}{{"operating system", nil, t.TempDir()}, {"memory", vfs.NewMem(), "state"}} {
		t.Run(place.name, func(t *testing.T) {
			c := SpaceConfig{Dir: place.dir, FS: place.fs}
			s, err := OpenSpace(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := OpenSpace(c); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), place.dir) {
				t.Errorf("second opening: %v, want ErrInUse with the directory", err)
			}
			closeSpace(t, s)
			if s, err = OpenSpace(c); err != nil {
				t.Fatalf("after closing: %v", err)
			}
			closeSpace(t, s)
		})
	}
}

func TestUnwritableDirectoryIsNotInUse(t *testing.T) {
	disk := newFaulty(vfs.NewMem(), &fs.PathError{Op: "open", Path: "state/LOCK", Err: syscall.EACCES}, func(op errorfs.Op) bool {
		return strings.Contains(op.Path, "LOCK")
	})
	disk.broken.Store(true)
	if _, err := OpenSpace(SpaceConfig{Dir: "state", FS: disk}); errors.Is(err, ErrInUse) || !errors.Is(err, syscall.EACCES) {
		t.Errorf("OpenSpace: %v, want a permission error", err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	disk := vfs.NewMem()
	s, _ := openFaulty(t, disk)
	if err := errors.Join(s.primary.write(metaKey(formatTag, ""), []byte{formatVersion + 1}), s.Flush(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSpace(SpaceConfig{Dir: "state", FS: disk}); !errors.Is(err, ErrFormat) {
		t.Errorf("OpenSpace: %v, want ErrFormat", err)
	}
}

func TestDamageIsTold(t *testing.T) {
	disk := vfs.NewMem()
	s, kv := openFaulty(t, disk)
	for n := range int64(10_000) {
		kv.PutAt(n, strings.Repeat("x", 100), 0)
	}
	if err := errors.Join(s.Apply(s.Freeze(), Checkpoint{Seq: 1}), s.Flush(), s.Close()); err != nil {
		t.Fatal(err)
	}
	damage(t, disk, ".sst")
	s, err := OpenSpace(SpaceConfig{Dir: "state", FS: disk, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		kv = OpenKeyValue(s, Definition{Name: "kv"}, serde.Int64(), serde.String())
		for range kv.All() {
		}
		err = s.Err()
		_ = s.Close()
	}
	if !IsCorruption(err) || !strings.Contains(err.Error(), "state") {
		t.Errorf("reading damaged files: %v, want a corruption that names the directory", err)
	}
}

// damage turns bytes over in the middle of every file of that kind.
func damage(t *testing.T, disk *vfs.MemFS, kind string) {
	t.Helper()
	names, err := disk.List("state")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, kind) {
			continue
		}
		f, err := disk.OpenReadWrite("state/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(100); at < info.Size()/2; at += 997 {
			if _, err := f.WriteAt([]byte{0xee}, at); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
