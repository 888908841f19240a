package store

import (
	"io/fs"
	"log/slog"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pitwheel/pitwheel/serde"
)

// State is as secret as the records that it was made of, so its files are for their owner alone,
// whatever the process's umask is.
func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions are not Unix'")
	}
	dir := filepath.Join(t.TempDir(), "task")
	s, err := OpenSpace(SpaceConfig{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	OpenKeyValue(s, Definition{Name: "s"}, serde.String(), serde.String())
	if err := s.Restore("s", []FrozenEntry{{Key: []byte("k"), Value: []byte("v")}}, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o700)
		if !entry.IsDir() {
			want, files = 0o600, files+1
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has permissions %o, want %o", name, got, want)
		}
		return nil
	})
	if err != nil || files < 3 {
		t.Errorf("%d files were looked at (%v)", files, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
