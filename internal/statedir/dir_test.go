package statedir

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path, "app")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNewDirectoryGetsAnInstance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "er")
	got := open(t, path).Identity()
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(got.Instance) {
		t.Errorf("instance %q is not 32 hex digits", got.Instance)
	}
	got.Instance = ""
	if diff := cmp.Diff(Identity{Format: Format, Application: "app"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTwoDirectoriesAreTwoInstances(t *testing.T) {
	a, b := open(t, t.TempDir()).Identity(), open(t, t.TempDir()).Identity()
	if a.Instance == b.Instance {
		t.Errorf("both are instance %q", a.Instance)
	}
}

// D3.
func TestInstanceStays(t *testing.T) {
	path := t.TempDir()
	first := open(t, path)
	want := first.Identity()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, open(t, path).Identity()); diff != "" {
		t.Errorf("-first +second opening:\n%s", diff)
	}
}

// The file is read by operators and by later versions: docs/format/state-directory.md.
func TestIdentityFileIsAsDocumented(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if _, err := d.UseLoops(2); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(path, "pitwheel.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"format":1,"application":"app","instance":"` + d.Identity().Instance + `","loops":2}` + "\n"
	if string(data) != want {
		t.Errorf("pitwheel.json is %s, want %s", data, want)
	}
}

// D2.
func TestEverythingIsForItsOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions are not Unix'")
	}
	path := filepath.Join(t.TempDir(), "state")
	d := open(t, path)
	if _, err := d.Task(record.TaskID{}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has permissions %o, want %o", name, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryInUseIsRefused(t *testing.T) {
	path := t.TempDir()
	first := open(t, path)
	_, err := Open(path, "app")
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("second Open = %v, want ErrInUse", err)
	}
	for _, part := range []string{path, "process " + strconv.Itoa(os.Getpid()), "Config.StateDir"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	// The holder is not disturbed by the attempt, and a third comes in after it.
	if _, err := first.UseLoops(3); err != nil {
		t.Error(err)
	}
	if _, err := Open(path, "app"); !errors.Is(err, ErrInUse) {
		t.Errorf("third Open = %v, want ErrInUse", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

// Whoever looks at a directory that is not theirs must not keep it locked.
func TestRefusedDirectoryIsNotLocked(t *testing.T) {
	path := t.TempDir()
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, "other"); !errors.Is(err, ErrForeign) {
		t.Fatalf("Open = %v, want ErrForeign", err)
	}
	open(t, path)
}

func TestStrangeIdentityIsRefused(t *testing.T) {
	tests := []struct {
		name string
		text string
		want error
		says []string
	}{
		{"foreign application", `{"format":1,"application":"other","instance":"00"}`, ErrForeign, []string{`"other"`, `"app"`, "Config.StateDir"}},
		{"newer format", `{"format":2,"application":"app","instance":"00"}`, ErrNewer, []string{"format 2", "reads 1", "newer version"}},
		{"newer format of another application", `{"format":9,"application":"other"}`, ErrNewer, []string{"format 9"}},
		{"no format", `{"application":"app","instance":"00"}`, ErrDamaged, []string{"format"}},
		{"negative format", `{"format":-1,"application":"app","instance":"00"}`, ErrDamaged, []string{"format"}},
		{"no instance", `{"format":1,"application":"app"}`, ErrDamaged, []string{"instance", "pitwheel.json"}},
		{"empty", ``, ErrDamaged, []string{"pitwheel.json", "delete the directory"}},
		{"cut short", `{"format":1,"application":"app","insta`, ErrDamaged, []string{"pitwheel.json"}},
		{"zero bytes", strings.Repeat("\x00", 64), ErrDamaged, []string{"pitwheel.json"}},
		{"other types", `{"format":"1"}`, ErrDamaged, []string{"pitwheel.json"}},
		{"not an object", `[1]`, ErrDamaged, []string{"pitwheel.json"}},
		{"twice", `{"format":1}{"format":1}`, ErrDamaged, []string{"pitwheel.json"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := t.TempDir()
			file := filepath.Join(path, identityFile)
			writeFile(t, file, tt.text)
			_, err := Open(path, "app")
			if !errors.Is(err, tt.want) {
				t.Fatalf("Open = %v, want %v", err, tt.want)
			}
			for _, part := range append(tt.says, path) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if data, err := os.ReadFile(file); err != nil || string(data) != tt.text {
				t.Errorf("the file was changed to %q (%v)", data, err)
			}
		})
	}
}

// What has files and no word on whose they are is not adopted: D4.
func TestUnknownDirectoryIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		make   []string // what ends with / is a directory
		refuse bool
		says   []string
	}{
		{"a new volume", []string{"lost+found/"}, false, nil},
		{"a first start that was cut short", []string{lockFile, identityFile + ".next"}, false, nil},
		{"another program's files", []string{"data.db"}, true, []string{`"data.db"`, "Config.StateDir"}},
		{"another program's directory", []string{"db/"}, true, []string{`"db"`, "Config.StateDir"}},
		{"tasks without the identity file", []string{lockFile, "0_1/", "1_0/"}, true, []string{`"0_1"`, identityFile, "put that file back", "delete the directory"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := t.TempDir()
			for _, name := range tt.make {
				if dir, ok := strings.CutSuffix(name, "/"); ok {
					if err := os.Mkdir(filepath.Join(path, dir), 0o700); err != nil {
						t.Fatal(err)
					}
				} else {
					writeFile(t, filepath.Join(path, name), "x")
				}
			}
			d, err := Open(path, "app")
			if err == nil {
				err = d.Close()
			}
			if errors.Is(err, ErrUnknown) != tt.refuse || (err != nil) != tt.refuse {
				t.Fatalf("Open = %v, want refused: %v", err, tt.refuse)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if _, err := os.Stat(filepath.Join(path, identityFile)); tt.refuse && err == nil {
				t.Error("the directory was taken all the same")
			}
		})
	}
}

func TestExposedDirectoryIsTold(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions are not Unix'")
	}
	for mode, want := range map[fs.FileMode]string{0o700: "", 0o750: "read", 0o705: "read", 0o770: "write", 0o777: "write", 0o702: "write"} {
		path := t.TempDir()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got := open(t, path).Exposed(); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("permissions %o: %q, want it to say %q", mode, got, want)
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	path := t.TempDir()
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if got := open(t, path).Exposed(); !strings.Contains(got, "12345") {
		t.Errorf("a directory of another user: %q", got)
	}
}

func TestDirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	for _, path := range []string{file, filepath.Join(file, "state"), "", "with\x00null"} {
		_, err := Open(path, "app")
		if err == nil {
			t.Fatalf("Open(%q) succeeded", path)
		}
		if !strings.Contains(err.Error(), "Config.StateDir") || !strings.Contains(err.Error(), strconv.Quote(path)) {
			t.Errorf("error %q does not name the path and the field", err)
		}
	}
}

func TestDirectoryThatCannotBeWrittenIsAnError(t *testing.T) {
	if os.Geteuid() <= 0 {
		t.Skip("permissions do not hold this user back")
	}
	path := t.TempDir()
	if err := os.Chmod(path, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, "app")
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "Config.StateDir") {
		t.Errorf("Open = %v, want a permission error that names Config.StateDir", err)
	}
}

// D1: a link that leads out of the directory is refused, whichever of its files it stands for,
// and nothing is made or changed where it leads.
func TestLinksThatLeadOutsideAreRefused(t *testing.T) {
	for _, name := range []string{lockFile, identityFile, identityFile + ".next"} {
		t.Run(name, func(t *testing.T) {
			path, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
			writeFile(t, outside, "untouched")
			if err := os.Symlink(outside, filepath.Join(path, name)); err != nil {
				t.Skip(err)
			}
			if d, err := Open(path, "app"); err == nil {
				_ = d.Close()
				t.Error("Open followed the link")
			}
			if data, err := os.ReadFile(outside); err != nil || string(data) != "untouched" {
				t.Errorf("the file outside became %q (%v)", data, err)
			}
		})
	}
}

func TestDanglingLockLinkMakesNothingOutside(t *testing.T) {
	path, outside := t.TempDir(), filepath.Join(t.TempDir(), "made")
	if err := os.Symlink(outside, filepath.Join(path, lockFile)); err != nil {
		t.Skip(err)
	}
	if d, err := Open(path, "app"); err == nil {
		_ = d.Close()
		t.Error("Open followed the link")
	}
	if _, err := os.Stat(outside); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("outside was made: %v", err)
	}
}

func TestUseLoopsKeepsTheMost(t *testing.T) {
	path := t.TempDir()
	tests := []struct{ use, want int }{{2, 2}, {8, 8}, {1, 8}, {8, 8}, {9, 9}}
	for _, tt := range tests {
		d := open(t, path)
		got, err := d.UseLoops(tt.use)
		if err != nil {
			t.Fatal(err)
		}
		if got != tt.want || d.Identity().Loops != tt.want {
			t.Errorf("UseLoops(%d) = %d, noted %d, want %d", tt.use, got, d.Identity().Loops, tt.want)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What could not be written is not taken for written by the next attempt.
func TestLoopsThatAreNotOnDiskAreNotUsed(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if err := os.Mkdir(filepath.Join(path, identityFile+".next"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := d.UseLoops(5); err == nil {
			t.Errorf("UseLoops = %d without an error, though nothing was written", n)
		}
	}
}

// A crash while the identity is replaced leaves the file beside it behind.
func TestLeftoverOfACrashIsReplaced(t *testing.T) {
	path := t.TempDir()
	first := open(t, path)
	want := first.Identity()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(path, identityFile+".next"), `{"format":1,"appl`)
	d := open(t, path)
	if diff := cmp.Diff(want, d.Identity()); diff != "" {
		t.Errorf("-before +after the crash:\n%s", diff)
	}
	if _, err := d.UseLoops(4); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(path, identityFile))
	if err != nil {
		t.Fatal(err)
	}
	var got Identity
	if err := json.Unmarshal(data, &got); err != nil || got.Loops != 4 {
		t.Errorf("the file holds %s (%v), want 4 loops", data, err)
	}
}

func TestTaskDirectoryIsMadeOnceAndStays(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	id := record.TaskID{Subtopology: 1, Partition: 12}
	dir, err := d.Task(id)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(path, "1_12"); dir != want {
		t.Errorf("Task = %q, want %q", dir, want)
	}
	writeFile(t, filepath.Join(dir, "kept"), "")
	if _, err := d.Task(id); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "kept")); err != nil {
		t.Error(err)
	}
}

func TestTaskDirectoryMustBeADirectory(t *testing.T) {
	outside := t.TempDir()
	tests := []struct {
		name string
		make func(at string) error
	}{
		{"file", func(at string) error { return os.WriteFile(at, nil, 0o600) }},
		{"link outside", func(at string) error { return os.Symlink(outside, at) }},
		{"dangling link", func(at string) error { return os.Symlink(filepath.Join(outside, "none"), at) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			if err := tt.make(filepath.Join(path, "0_3")); err != nil {
				t.Skip(err)
			}
			got, err := d.Task(record.TaskID{Partition: 3})
			if err == nil {
				t.Fatalf("Task = %q, want an error", got)
			}
			for _, part := range []string{path, "0_3", "not a directory", "remove it"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
				t.Errorf("outside there are %v (%v)", entries, err)
			}
		})
	}
}

func TestTaskDirectoryRemovedWhileRunningIsMadeAgain(t *testing.T) {
	d := open(t, t.TempDir())
	for range 2 {
		dir, err := d.Task(record.TaskID{})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
	}
}
