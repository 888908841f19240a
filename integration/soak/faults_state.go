package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// diskFault needs a small disk, which not every system lets a program mount.
const diskFault = "disk-full"

var stateFaults = []fault{
	{name: "wipe", about: "kill -9, and the instance's state directory is deleted", begin: wipe},
	{name: "kill-restore", about: "kill -9 and no state directory; killed again while it restores", begin: killRestore},
	{name: "damage", about: "kill -9, and a file of its state is cut or has a bit flipped", begin: damage},
	{name: diskFault, about: "an instance's disk (a small tmpfs) is full for a while", begin: fillDisk},
}

func wipe(s *soak) (outcome, error) {
	i := s.pick()
	if i == nil {
		return outcome{}, nil
	}
	s.fleet.kill(i)
	if err := i.wipe(); err != nil {
		return outcome{}, err
	}
	return outcome{did: i.name}, s.fleet.start(i)
}

func killRestore(s *soak) (outcome, error) {
	i := s.pick()
	if i == nil {
		return outcome{}, nil
	}
	s.fleet.kill(i)
	if err := i.wipe(); err != nil {
		return outcome{}, err
	}
	i.busy = true
	return outcome{did: i.name, lasts: s.between(200*time.Millisecond, 1500*time.Millisecond), end: func() error {
		i.busy = false
		s.fleet.kill(i)
		return s.fleet.start(i)
	}}, s.fleet.start(i)
}

// damage spoils a file of an instance's state. The instance may refuse it and end, at once or when it
// comes to the spoiled part; then its state is deleted, as docs/reliability.md says. It may not go on
// with it.
func damage(s *soak) (outcome, error) {
	i := s.pick()
	if i == nil {
		return outcome{}, nil
	}
	s.fleet.kill(i)
	did, err := s.spoil(i)
	if err != nil {
		return outcome{}, err
	}
	if did != "" {
		did = i.name + ": " + did
		i.frail, i.mend = "a file of its state was spoiled", (*slot).wipe
	}
	return outcome{did: did}, s.fleet.start(i)
}

// spoil cuts a file of a task's state, or flips a bit of it.
func (s *soak) spoil(i *slot) (did string, err error) {
	var files []string
	err = filepath.WalkDir(i.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && filepath.Dir(path) != i.dir {
			if info, err := e.Info(); err == nil && info.Size() > 0 {
				files = append(files, path)
			}
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		return "", err
	}
	slices.Sort(files)
	path := files[s.rand.IntN(len(files))]
	name, err := filepath.Rel(i.dir, path)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer func() { err = firstOf(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	at := s.rand.Int64N(info.Size())
	if s.rand.IntN(2) == 0 {
		return fmt.Sprintf("%s cut at %d of %d", name, at, info.Size()), f.Truncate(at)
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	b[0] ^= 1 << s.rand.IntN(8)
	_, err = f.WriteAt(b[:], at)
	return fmt.Sprintf("%s has a bit flipped at %d of %d", name, at, info.Size()), err
}

// diskSize is that of the small disk, in bytes.
const diskSize = 384 << 20

// mount gives the last instance a disk of its own.
func (f *fleet) mount() error {
	s := f.slots[len(f.slots)-1]
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if err := mountSmall(s.dir, diskSize); err != nil {
		return err
	}
	s.disk = true
	return nil
}

// unmount undoes mount, once no instance is up.
func (f *fleet) unmount() {
	for _, s := range f.slots {
		if s.disk {
			if err := unmountSmall(s.dir); err != nil {
				fmt.Fprintf(os.Stderr, "soak: unmount %s: %v\n", s.dir, err)
			}
		}
	}
}

// fillDisk leaves no space. The instance may wait for space or end; it may not lose what it has
// committed.
func fillDisk(s *soak) (outcome, error) {
	at := slices.IndexFunc(s.fleet.up(), func(i *slot) bool { return i.disk })
	if at < 0 {
		return outcome{}, nil
	}
	i := s.fleet.up()[at]
	if i.frail != "" {
		return outcome{}, nil
	}
	ballast := i.dir + string(filepath.Separator) + "ballast"
	filled, err := fill(ballast)
	if err != nil {
		return outcome{}, err
	}
	i.frail, i.mend = "its disk is full", func(*slot) error { return nil }
	return outcome{did: fmt.Sprintf("%s: %d MB filled", i.name, filled>>20), lasts: s.between(time.Second, 6*time.Second), end: func() error {
		// It may still find that its space was gone, a moment later.
		s.after(5*time.Second, func() error {
			if i.frail == "its disk is full" {
				i.frail, i.mend = "", nil
			}
			return nil
		})
		if err := os.Remove(ballast); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}}, nil
}

// fill writes a file until there is no space.
func fill(path string) (n int64, err error) {
	f, err := os.Create(filepath.Clean(path))
	if err != nil {
		return 0, err
	}
	defer func() { err = firstOf(err, f.Close()) }()
	for block := make([]byte, 1<<20); len(block) > 0; {
		written, err := f.Write(block)
		n += int64(written)
		if errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			return n, err
		}
	}
	return n, nil
}
