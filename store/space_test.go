package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// openAt opens a space, in memory if fs is nil.
func openAt(t testing.TB, fs FS) *Space {
	t.Helper()
	c := SpaceConfig{FS: fs}
	if fs != nil {
		c.Dir = "state"
	}
	s, err := OpenSpace(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openCounts(s *Space) *KeyValueStore[string, int64] {
	return OpenKeyValue(s, Definition{Name: "counts"}, serde.String(), serde.Int64())
}

func apply(t testing.TB, s *Space) {
	t.Helper()
	if err := s.Apply(s.Freeze(), Checkpoint{}); err != nil {
		t.Fatal(err)
	}
}

var errBad = errors.New("bad bytes")

// picky refuses one value, to be written or to be read.
func picky(bad string) serde.Serde[string] {
	return serde.Func(
		func(dst []byte, v string) ([]byte, error) {
			if v == bad {
				return dst, errBad
			}
			return append(dst, v...), nil
		},
		func(data []byte) (string, error) {
			if string(data) == bad {
				return "", errBad
			}
			return string(data), nil
		})
}

// What does not encode or decode fails the space with the store's name, and the failure sticks.
func TestSerdeErrorsStick(t *testing.T) {
	type kv = KeyValueStore[string, string]
	tests := []struct {
		name string
		do   func(s *Space, kv *kv)
	}{
		{"key to find", func(_ *Space, kv *kv) { kv.Find("bad key"); kv.Set("v", 0) }},
		{"key to put", func(_ *Space, kv *kv) { kv.Put("bad key", "v") }},
		{"key to delete", func(_ *Space, kv *kv) { kv.Delete("bad key") }},
		{"key of a range", func(_ *Space, kv *kv) {
			for range kv.Scan(Between("a", "bad key")) {
				panic("a row")
			}
		}},
		{"value to freeze", func(s *Space, kv *kv) { kv.Put("b", "bad value"); s.Freeze() }},
		{"stored value", func(s *Space, kv *kv) {
			_ = s.Restore("picky", []FrozenEntry{{Key: []byte("b"), Value: []byte("bad value")}}, 1)
			kv.Get("b")
		}},
		{"stored value in a scan", func(s *Space, kv *kv) {
			_ = s.Restore("picky", []FrozenEntry{{Key: []byte("b"), Value: []byte("bad value")}}, 1)
			for range kv.All() {
				panic("a row")
			}
		}},
		{"stored key in a scan", func(s *Space, kv *kv) {
			_ = s.Restore("picky", []FrozenEntry{{Key: []byte("bad key"), Value: []byte("v")}}, 1)
			for range kv.All() {
				panic("a row")
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := openAt(t, nil)
			other := openCounts(s)
			other.Put("x", 1)
			kv := OpenKeyValue(s, Definition{Name: "picky"}, picky("bad key"), picky("bad value"))
			tt.do(s, kv)
			if err := s.Err(); !errors.Is(err, errBad) || !strings.Contains(err.Error(), `"picky"`) {
				t.Fatalf("Err: %v, want one that names the store", err)
			}
			if _, ok := other.Get("x"); ok {
				t.Error("another store of a failed space still has rows")
			}
			other.Put("x", 1)
			if err := s.Apply(s.Freeze(), Checkpoint{Seq: 1}); !errors.Is(err, errBad) {
				t.Errorf("Apply: %v, want the failure", err)
			}
		})
	}
}

func TestStoreOpenedTwiceFails(t *testing.T) {
	s := openAt(t, nil)
	openCounts(s)
	again := openCounts(s)
	again.Put("a", 1)
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), `"counts"`) {
		t.Errorf("Err: %v", err)
	}
}

func TestStoreOfAnotherKindFails(t *testing.T) {
	fs := vfs.NewMem()
	s := openAt(t, fs)
	openCounts(s)
	if err := errors.Join(s.Flush(), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, fs)
	OpenWindow(s, Definition{Name: "counts"}, serde.String(), serde.Int64())
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "key-value") {
		t.Errorf("Err: %v", err)
	}
}

// A store keeps its rows whatever other stores are opened before it.
func TestStoresAreFoundByName(t *testing.T) {
	fs := vfs.NewMem()
	s := openAt(t, fs)
	for n := range 200 { // more than a number of one byte
		OpenKeyValue(s, Definition{Name: fmt.Sprint("store", n)}, serde.String(), serde.Int64()).Put("key", int64(n))
	}
	apply(t, s)
	if err := errors.Join(s.Flush(), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, fs)
	for _, n := range rand.New(rand.NewPCG(1, 2)).Perm(250) {
		kv := OpenKeyValue(s, Definition{Name: fmt.Sprint("store", n)}, serde.String(), serde.Int64())
		var got []int64
		for _, v := range kv.All() {
			got = append(got, v)
		}
		if v, ok := kv.Get("key"); ok != (n < 200) || ok && (v != int64(n) || len(got) != 1) {
			t.Fatalf("store %d has %d %v, all %d", n, v, ok, got)
		}
	}
}

func TestMetaSurvivesACrash(t *testing.T) {
	disk := vfs.NewCrashableMem()
	s := openAt(t, disk)
	kv := openCounts(s)
	kv.Put("a", 1)
	apply(t, s)
	if err := s.SetMeta("owner", []byte("me")); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, disk.CrashClone(vfs.CrashCloneCfg{}))
	if v, ok := s.Meta("owner"); !ok || string(v) != "me" {
		t.Errorf("meta %q %v", v, ok)
	}
	if _, ok := s.Meta("other"); ok {
		t.Error("there is meta that nobody set")
	}
	if v, _ := openCounts(s).Get("a"); v != 1 {
		t.Errorf("what was applied before is %d", v)
	}
	if s.Empty() {
		t.Error("the space is empty")
	}
}

func TestEmptyUntilSomethingIsApplied(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(s *Space) error
		want bool
	}{
		{"nothing", func(*Space) error { return nil }, true},
		{"meta", func(s *Space) error { return s.SetMeta("a", []byte("b")) }, true},
		{"a checkpoint", func(s *Space) error { return s.Apply(nil, Checkpoint{Seq: 1}) }, false},
		{"rows", func(s *Space) error {
			return s.Restore("counts", []FrozenEntry{{Key: []byte("k"), Value: make([]byte, 8)}}, 1)
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fs := vfs.NewMem()
			s := openAt(t, fs)
			openCounts(s)
			if err := tt.do(s); err != nil {
				t.Fatal(err)
			}
			if got := s.Empty(); got != tt.want {
				t.Errorf("empty: %v", got)
			}
			if err := errors.Join(s.Flush(), s.Close()); err != nil {
				t.Fatal(err)
			}
			if got := openAt(t, fs).Empty(); got != tt.want {
				t.Errorf("opened anew, empty: %v", got)
			}
		})
	}
}

func TestGenerationsApplyInOrder(t *testing.T) {
	tests := []struct {
		name string
		do   func(s *Space, first, second *Frozen) error
		ok   bool
	}{
		{"in order", func(s *Space, first, second *Frozen) error {
			return errors.Join(s.Apply(first, Checkpoint{Seq: 1}), s.Apply(second, Checkpoint{Seq: 2}))
		}, true},
		{"out of order", func(s *Space, _, second *Frozen) error { return s.Apply(second, Checkpoint{}) }, false},
		{"twice", func(s *Space, first, _ *Frozen) error {
			return errors.Join(s.Apply(first, Checkpoint{}), s.Apply(first, Checkpoint{}))
		}, false},
		{"after an abort", func(s *Space, first, _ *Frozen) error {
			s.Abort()
			return s.Apply(first, Checkpoint{})
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := openAt(t, nil)
			kv := openCounts(s)
			kv.Put("a", 1)
			first := s.Freeze()
			kv.Put("a", 2)
			second := s.Freeze()
			if err := tt.do(s, first, second); (err == nil) != tt.ok || (s.Err() == nil) != tt.ok {
				t.Errorf("%v, sticks: %v", err, s.Err())
			}
		})
	}
}

// What was frozen is not changed by later writes, and does not depend on the hashes' seeds.
func TestFrozenIsTheSameWhateverTheSeeds(t *testing.T) {
	oldA, oldB, oldC := seedA, seedB, seedC
	defer func() { seedA, seedB, seedC = oldA, oldB, oldC }()
	var want []FrozenStore
	for range 10 {
		seedA, seedB, seedC = rand.Uint64(), rand.Uint64()|1, rand.Uint64()
		s := openAt(t, nil)
		w := OpenWindow(s, Definition{Name: "w"}, serde.String(), serde.String())
		for _, n := range rand.New(rand.NewPCG(1, 2)).Perm(500) {
			w.PutAt(fmt.Sprintf("%x", n*n*n), record.Time(n%7), fmt.Sprint(n), record.Time(n))
		}
		got := s.Freeze().Stores
		for n := range 500 {
			w.PutAt(fmt.Sprintf("%x", n*n*n), record.Time(n%7), "later", 0)
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(FrozenStore{})); diff != "" {
			t.Fatalf("-first +another\n%s", diff)
		}
	}
	if len(want[0].Entries) != 500 || string(want[0].Entries[0].Value) != "0" {
		t.Fatalf("%d entries, the first %q", len(want[0].Entries), want[0].Entries[0].Value)
	}
}

// When the numbers of generations run out they begin anew, and no row is taken for another
// generation's.
func TestGenerationsWrap(t *testing.T) {
	s := openAt(t, nil)
	kv := openCounts(s)
	s.gens = generations{current: lastGeneration - 5, applied: lastGeneration - 6}
	kv.Put("quiet", 5)
	apply(t, s)
	want := map[string]int64{"quiet": 5}
	for n := range int64(30) {
		key := fmt.Sprint(n % 7)
		kv.Put(key, n)
		want[key] = n
		f := s.Freeze()
		if len(f.Stores[0].Entries) != 1 {
			t.Fatalf("commit %d froze %d rows, want 1", n, len(f.Stores[0].Entries))
		}
		if err := s.Apply(f, Checkpoint{}); err != nil {
			t.Fatal(err)
		}
	}
	g := s.stores[0].(*cache[int64, int64]).segments[0]
	for i := range g.rows.slots {
		if got := g.rows.slots[i].gen(); got > s.gens.applied {
			t.Errorf("a row has generation %d, the last applied is %d", got, s.gens.applied)
		}
	}
	if got := maps.Collect(kv.All()); !maps.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
}

func TestEmptyValueIsNotDeleted(t *testing.T) {
	fs := vfs.NewMem()
	s := openAt(t, fs)
	text := OpenKeyValue(s, Definition{Name: "text"}, serde.String(), serde.String())
	raw := OpenKeyValue(s, Definition{Name: "raw"}, serde.Bytes(), serde.Bytes())
	check := func(when string) {
		t.Helper()
		if v, ok := text.Get(""); v != "" || !ok {
			t.Errorf("%s: empty text under an empty key: %q %v", when, v, ok)
		}
		if v, ok := raw.Get([]byte{}); v == nil || len(v) != 0 || !ok {
			t.Errorf("%s: empty bytes under an empty key: %v %v", when, v, ok)
		}
		if _, ok := raw.Get([]byte("null")); ok {
			t.Errorf("%s: a null was stored", when)
		}
	}
	text.Put("", "")
	raw.Put([]byte{}, []byte{})
	raw.Put([]byte("null"), []byte("x"))
	raw.Put([]byte("null"), nil)
	check("written")
	f := s.Freeze()
	for _, part := range f.Stores {
		for _, e := range part.Entries {
			if deleted := string(e.Key) == "null"; (e.Value == nil) != deleted {
				t.Errorf("%s %q is frozen as %v", part.Name, e.Key, e.Value)
			}
		}
	}
	if err := errors.Join(s.Apply(f, Checkpoint{}), s.Flush(), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, fs)
	text = OpenKeyValue(s, Definition{Name: "text"}, serde.String(), serde.String())
	raw = OpenKeyValue(s, Definition{Name: "raw"}, serde.Bytes(), serde.Bytes())
	check("opened anew")
}

func TestViewsOutliveTheirRow(t *testing.T) {
	s := openAt(t, nil)
	kv := OpenKeyValue(s, Definition{Name: "raw"}, serde.String(), serde.Bytes())
	var views [][]byte
	for n := range 5_000 { // enough garbage for many rebuilds of the arena
		kv.Put("key", bytes.Repeat([]byte{byte(n)}, 50))
		v, _ := kv.Get("key")
		views = append(views, v)
	}
	for n, v := range views {
		if !bytes.Equal(v, bytes.Repeat([]byte{byte(n)}, 50)) {
			t.Fatalf("view %d is now %s", n, hex.EncodeToString(v))
		}
	}
	if held := s.stores[0].held(); held > 100_000 {
		t.Errorf("one row of 50 bytes takes %d", held)
	}
}

// A loop that is left early lets go of what it read from: else Close would complain.
func TestLeavingALoopEarlyClosesIt(t *testing.T) {
	s := openAt(t, vfs.NewMem())
	kv := openCounts(s)
	w := OpenWindow(s, Definition{Name: "w"}, serde.String(), serde.Int64())
	for n := range int64(10) {
		kv.Put(fmt.Sprint(n), n)
		w.Put("key", record.Time(n), n)
	}
	apply(t, s)
	s.Abort() // nothing is cached
	for range kv.All() {
		break
	}
	for range kv.Scan(Between("1", "5")) {
		break
	}
	for range w.All(0, 100) {
		break
	}
	for range w.Range("key", 0, 100) {
		break
	}
	func() {
		defer func() { recover() }()
		for range kv.All() {
			panic("out of the loop")
		}
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	s := openAt(t, nil)
	w := OpenWindow(s, Definition{Name: "w"}, serde.String(), serde.Int64())
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%d", i)
		w.Put(keys[i], 0, 1)
	}
	apply(t, s)
	for i := range keys { // the list of dirty rows grows once
		w.Put(keys[i], 0, 1)
	}
	i := 0
	if n := testing.AllocsPerRun(500, func() {
		i = (i + 1) % len(keys)
		v, _, _ := w.Find(keys[i], 0)
		w.Set(v+1, 1)
		w.Find("absent", 0)
	}); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func TestClosedSpaceIsEmpty(t *testing.T) {
	s := openAt(t, nil)
	kv := openCounts(s)
	kv.Put("a", 1)
	apply(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := kv.Get("a"); ok || !errors.Is(s.Err(), ErrClosed) {
		t.Errorf("a closed space has rows: %v, Err %v", ok, s.Err())
	}
	if got := slices.Collect(maps.Keys(maps.Collect(kv.All()))); len(got) > 0 {
		t.Errorf("a closed space has rows %q", got)
	}
}
