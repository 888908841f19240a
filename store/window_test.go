package store

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

func openWindows(s *Space, retention time.Duration) *WindowStore[string, int64] {
	d := Definition{Name: "windows", WindowSize: 10 * time.Millisecond, Retention: retention}
	return OpenWindow(s, d, serde.String(), serde.Int64())
}

func starts(w *WindowStore[string, int64]) []record.Time {
	all := []record.Time{}
	for k := range w.All(0, 1<<40) {
		all = append(all, k.Start)
	}
	return all
}

// "actualFrom = max(from, observedStreamTime - retention + 1)" and puts at or below stream time
// minus retention are dropped: Kafka Streams' in-memory window store.
func TestWindowsBeyondRetentionAreNotThere(t *testing.T) {
	s := openAt(t, nil)
	w := openWindows(s, 30*time.Millisecond)
	for _, start := range []record.Time{0, 10, 20, 30} {
		w.Put("a", start, int64(start))
	}
	if diff := cmp.Diff([]record.Time{10, 20, 30}, starts(w)); diff != "" {
		t.Fatal(diff)
	}
	w.Put("a", 0, 1)
	w.Find("a", 0)
	w.Set(1, 1)
	w.Remove(1)
	w.Delete("a", -10)
	if got := w.Expired(); got != 4 {
		t.Errorf("%d expired writes, want 4", got)
	}
	if _, ok := w.Get("a", 0); ok {
		t.Error("an expired window is there")
	}
	if _, ok := w.Get("a", 10); !ok {
		t.Error("the oldest window within the retention is not there")
	}
	var ranged []record.Time
	for k := range w.Range("a", 0, 100) {
		ranged = append(ranged, k.Start)
	}
	if diff := cmp.Diff([]record.Time{10, 20, 30}, ranged); diff != "" {
		t.Error(diff)
	}
}

// What has expired is removed from the backend, by one range, and what was dirty in it is neither
// frozen nor written.
func TestExpiredRowsAreRemoved(t *testing.T) {
	for _, place := range []FS{nil, vfs.NewMem()} {
		s := openAt(t, place)
		w := openWindows(s, 30*time.Millisecond)
		for _, start := range []record.Time{0, 10, 20} {
			w.Put("a", start, 1)
		}
		apply(t, s)
		w.Put("a", 0, 2)
		w.Put("a", 50, 1)
		f := s.Freeze()
		if got := f.Stores[0]; got.Floor != 21 || len(got.Entries) != 1 || got.Entries[0].Start != 50 {
			t.Fatalf("frozen %+v, want floor 21 and one row", got)
		}
		if err := s.Apply(f, Checkpoint{}); err != nil {
			t.Fatal(err)
		}
		if got := firstStart(t, s); got != 50 {
			t.Errorf("the first row of the backend starts at %d, want 50", got)
		}
		w.Put("a", 51, 1) // the floor moves by less than a window
		if f := s.Freeze(); f.Stores[0].Floor != 22 {
			t.Errorf("floor %d, want 22", f.Stores[0].Floor)
		}
	}
}

// firstStart is where the first row of the backend starts.
func firstStart(t *testing.T, s *Space) record.Time {
	t.Helper()
	key, ok, err := s.primary.first([]byte{dataArea}, []byte{dataArea + 1})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	start, _, err := s.stores[0].core().split(key)
	if err != nil {
		t.Fatal(err)
	}
	return start
}

func TestHighestStartSurvives(t *testing.T) {
	disk := vfs.NewCrashableMem()
	s := openAt(t, disk)
	w := openWindows(s, 30*time.Millisecond)
	w.Put("a", 100, 1)
	apply(t, s)
	w.Put("a", 200, 1)
	expired := func(when string, start record.Time, want bool) {
		t.Helper()
		before := w.Expired()
		w.Find("b", start)
		w.Set(1, 1)
		if got := w.Expired() > before; got != want {
			t.Errorf("%s: a write at %d is expired: %v", when, start, got)
		}
	}
	expired("before the abort", 170, true)
	s.Abort()
	expired("after the abort", 70, true)
	expired("after the abort", 71, false)
	s.Abort()
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, disk.CrashClone(vfs.CrashCloneCfg{}))
	w = openWindows(s, 30*time.Millisecond)
	expired("after a crash", 70, true)
	expired("after a crash", 71, false)
	s.Abort()
	rows := []FrozenEntry{{Key: []byte("a"), Start: 300, Value: make([]byte, 8)}, {Key: []byte("a"), Start: 80, Value: make([]byte, 8)}}
	if err := s.Restore("windows", rows, 2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]record.Time{300}, starts(w)); diff != "" {
		t.Error(diff)
	}
	if got := firstStart(t, s); got != 300 {
		t.Errorf("after a restore the first row of the backend starts at %d, want 300", got)
	}
	expired("after a restore", 270, true)
	expired("after a restore", 271, false)
}

func TestWindowsComeByStartThenUnsignedKey(t *testing.T) {
	s := openAt(t, nil)
	w := OpenWindow(s, Definition{Name: "w", WindowSize: 10 * time.Millisecond}, serde.Int64(), serde.Int64())
	type at struct {
		Key   int64
		Start record.Time
	}
	write := func(key int64, start record.Time) { w.Put(key, start, 1) }
	write(-1, 0)
	write(5, 10)
	apply(t, s)
	write(1, 0)
	write(-5, 10)
	want := []at{{1, 0}, {-1, 0}, {5, 10}, {-5, 10}}
	var got []at
	for e := range w.Entries(0, 10) {
		got = append(got, at{e.Key.Key, e.Key.Start})
		if e.Key.End != e.Key.Start+10 {
			t.Errorf("window %v does not end 10 ms after its start", e.Key)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEntryOfAWindow(t *testing.T) {
	s := openAt(t, nil)
	w := openWindows(s, 0)
	s.SetNow(7)
	w.Put("a", 20, 3)
	got, ok := w.Entry("a", 20)
	want := Entry[windowing.Key[string], int64]{windowing.Key[string]{Key: "a", Start: 20, End: 30}, 3, 7}
	if !ok || got != want {
		t.Errorf("entry %v %v, want %v", got, ok, want)
	}
}
