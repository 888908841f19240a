package statedir

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/gofrs/flock"

	"github.com/pitwheel/pitwheel/record"
)

// Format is the version of the directory's layout that this code writes and reads.
const Format = 1

const (
	lockFile     = "lock"
	identityFile = "pitwheel.json"
)

// What is wrong with a directory, for errors.Is.
var (
	ErrInUse   = errors.New("the state directory is in use by another process")
	ErrForeign = errors.New("the state directory belongs to another application")
	ErrNewer   = errors.New("the state directory was written by a newer version")
	ErrDamaged = errors.New("the state directory's identity file is damaged")
	ErrUnknown = errors.New("the state directory holds files, but none that says whose they are")
)

// Identity is what the directory says of itself.
type Identity struct {
	Format      int    `json:"format"`
	Application string `json:"application"`
	Instance    string `json:"instance"` // 32 hex digits, made once
	Loops       int    `json:"loops"`    // the most that were ever used: as many transactional ids may be ours
}

// Dir is an open state directory.
type Dir struct {
	path     string
	root     *os.Root
	lock     *flock.Flock
	identity Identity
}

// Open makes the directory if it is missing, locks it and reads who it belongs to. Errors: it
// cannot be made or written; ErrInUse; ErrForeign; ErrNewer; ErrDamaged; ErrUnknown.
func Open(path, application string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("state directory %q cannot be made: %w; set Config.StateDir to one that can", path, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("state directory %q: %w", path, err)
	}
	d := &Dir{path: path, root: root}
	if err := d.takeLock(); err != nil {
		_ = root.Close()
		return nil, err
	}
	if err := d.identify(application); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Dir) takeLock() error {
	// Made through the root first: a link that leads elsewhere is refused here.
	f, err := d.root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("state directory %q cannot be written: %w; set Config.StateDir to one that can", d.path, err)
	}
	holder := make([]byte, 32)
	n, _ := f.Read(holder)
	_ = f.Close()
	d.lock = flock.New(filepath.Join(d.path, lockFile), flock.SetPermissions(0o600))
	locked, err := d.lock.TryLock()
	if err != nil {
		return fmt.Errorf("state directory %q cannot be locked: %w", d.path, err)
	}
	if !locked {
		return fmt.Errorf("%w: %q, process %s; give each instance a Config.StateDir of its own", ErrInUse, d.path, strings.TrimSpace(string(holder[:n])))
	}
	if err := d.root.WriteFile(lockFile, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o600); err != nil {
		_ = d.lock.Unlock()
		return fmt.Errorf("state directory %q cannot be written: %w; set Config.StateDir to one that can", d.path, err)
	}
	return nil
}

func (d *Dir) identify(application string) error {
	data, err := d.root.ReadFile(identityFile)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.checkEmpty(); err != nil {
			return err
		}
		d.identity = Identity{Format: Format, Application: application, Instance: newInstance()}
		return d.write(d.identity)
	}
	if err != nil {
		return fmt.Errorf("state directory %q: %w", d.path, err)
	}
	if err := json.Unmarshal(data, &d.identity); err != nil {
		return fmt.Errorf("%w: %q: %w; put the file back, or delete the directory to restore from the changelogs", ErrDamaged, filepath.Join(d.path, identityFile), err)
	}
	switch {
	case d.identity.Format < 1:
		return fmt.Errorf("%w: %q has format %d; put the file back, or delete the directory to restore from the changelogs", ErrDamaged, filepath.Join(d.path, identityFile), d.identity.Format)
	case d.identity.Format > Format:
		return fmt.Errorf("%w: %q has format %d, this version reads %d; run the newer version, or delete the directory to restore from the changelogs", ErrNewer, d.path, d.identity.Format, Format)
	case d.identity.Application != application:
		return fmt.Errorf("%w: %q belongs to %q, this is %q; set Config.StateDir to another", ErrForeign, d.path, d.identity.Application, application)
	case d.identity.Instance == "":
		return fmt.Errorf("%w: %q names no instance", ErrDamaged, filepath.Join(d.path, identityFile))
	}
	return nil
}

var taskName = regexp.MustCompile(`^[0-9]+_[0-9]+$`)

// checkEmpty says what is wrong with adopting a directory that has no identity file. Only one that
// has nothing else is: what is there may be another program's, or state of which it is not known
// whose it is.
func (d *Dir) checkEmpty() error {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("state directory %q: %w", d.path, err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == lockFile, name == identityFile+".next", name == "lost+found":
			// The first two are of a first start that was cut short, the last is a new volume's.
		case taskName.MatchString(name):
			return fmt.Errorf("%w: %q has the task directory %q but no %s: put that file back, or delete the directory to restore from the changelogs",
				ErrUnknown, d.path, name, identityFile)
		default:
			return fmt.Errorf("%w: %q has %q, which is not pitwheel's: set Config.StateDir to a directory of its own, which need not exist",
				ErrUnknown, d.path, name)
		}
	}
	return nil
}

// Exposed says how others than the owner may get at the directory; empty: not at all. It may be
// meant so, as on a volume that an orchestrator made, so it is no error.
func (d *Dir) Exposed() string {
	info, err := d.root.Stat(".")
	if err != nil {
		return ""
	}
	return exposed(info)
}

func newInstance() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

func (d *Dir) write(identity Identity) error {
	data, err := json.Marshal(identity)
	if err != nil {
		return err
	}
	return d.replace(identityFile, data)
}

// replace replaces a file at once: a crash leaves the old or the new one.
func (d *Dir) replace(name string, data []byte) error {
	next := name + ".next"
	f, err := d.root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("state directory %q: %w", d.path, err)
	}
	_, err = f.Write(append(data, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("state directory %q: %w", d.path, err)
	}
	return d.root.Rename(next, name)
}

// Identity is what the directory says of itself.
func (d *Dir) Identity() Identity { return d.identity }

// UseLoops notes that so many loops are used, and returns the most that ever were.
func (d *Dir) UseLoops(n int) (most int, err error) {
	if n <= d.identity.Loops {
		return d.identity.Loops, nil
	}
	identity := d.identity
	identity.Loops = n
	if err := d.write(identity); err != nil {
		return 0, err
	}
	d.identity = identity
	return n, nil
}

// Task makes a task's directory if it is missing, and returns its path.
func (d *Dir) Task(id record.TaskID) (string, error) {
	return d.make(id.String())
}

func (d *Dir) make(name string) (string, error) {
	if err := d.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("state directory %q: %w", d.path, err)
	}
	info, err := d.root.Lstat(name)
	if err != nil {
		return "", fmt.Errorf("state directory %q: %w", d.path, err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("state directory %q: %q is not a directory: remove it", d.path, name)
	}
	return filepath.Join(d.path, name), nil
}

// Global makes the directory of global stores if it is missing, and returns its path.
func (d *Dir) Global(name string) (string, error) { return d.make("global-" + name) }

// Tasks are the tasks that have a directory.
func (d *Dir) Tasks() ([]record.TaskID, error) {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("state directory %q: %w", d.path, err)
	}
	var ids []record.TaskID
	for _, entry := range entries {
		var id record.TaskID
		n, err := fmt.Sscanf(entry.Name(), "%d_%d", &id.Subtopology, &id.Partition)
		if n == 2 && err == nil && entry.IsDir() && id.String() == entry.Name() && id.Subtopology >= 0 && id.Partition >= 0 {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// taskFile stands beside a task's state and goes with it.
const taskFile = "task.json"

// TaskNote is what KeepTaskNote has kept; nil: nothing.
func (d *Dir) TaskNote(id record.TaskID) ([]byte, error) {
	data, err := d.root.ReadFile(filepath.Join(id.String(), taskFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state directory %q: %w", d.path, err)
	}
	return bytes.TrimSuffix(data, []byte("\n")), nil
}

// KeepTaskNote keeps a note beside the task's state, whose directory exists.
func (d *Dir) KeepTaskNote(id record.TaskID, note []byte) error {
	return d.replace(filepath.Join(id.String(), taskFile), note)
}

// Close gives the lock back.
func (d *Dir) Close() error { return errors.Join(d.lock.Unlock(), d.root.Close()) }
