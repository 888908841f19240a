package statedir

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pitwheel/pitwheel/record"
)

// A note goes with its task's directory.
func TestNoteStandsBesideTheState(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	id := record.TaskID{Subtopology: 2, Partition: 1}
	if note, err := d.TaskNote(id); note != nil || err != nil {
		t.Errorf("a note before there is a directory: %q, %v", note, err)
	}
	dir, err := d.Task(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "another"} {
		if err := d.KeepTaskNote(id, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if note, err := d.TaskNote(id); string(note) != want || err != nil {
			t.Errorf("the note is %q (%v), want %q", note, err, want)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if note, err := d.TaskNote(id); note != nil || err != nil {
		t.Errorf("the note outlived the directory: %q, %v", note, err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	writeFile(t, outside, "secret")
	if _, err := d.Task(id); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, taskFile)); err != nil {
		t.Skip(err)
	}
	if note, err := d.TaskNote(id); err == nil {
		t.Errorf("a link outside was followed to %q", note)
	}
}

func TestTasksAreThoseWithADirectory(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	want := []record.TaskID{{Subtopology: 0, Partition: 3}, {Subtopology: 12, Partition: 0}}
	for _, id := range want {
		if _, err := d.Task(id); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"0_03", "1_", "_1", "0_-1", "1_1.corrupt", "x", "99999999999_0"} {
		if err := os.Mkdir(filepath.Join(path, other), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(path, "2_2"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := d.Tasks()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}
