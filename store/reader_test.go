package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// parts is a Source of parts that are given, and of errors for those that are not here.
type parts struct {
	here  []*Committed
	other []error
}

func (p parts) Parts([]byte) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		for i, c := range p.here {
			if !yield(Part{int32(i), c}, nil) {
				return
			}
		}
		for _, err := range p.other {
			if !yield(Part{}, err) {
				return
			}
		}
	}
}

func (p parts) Fail(part Part, err error) error {
	return fmt.Errorf("store of the test, partition %d: %w", part.Partition, err)
}

func stringSerdes() Serdes[string, string] {
	return Serdes[string, string]{serde.String(), serde.String()}
}

// committedRun reads through readers while its stores are written, and compares with the fold of
// what was committed.
type committedRun struct {
	space    *Space
	kv       *KeyValueStore[string, string]
	win      *WindowStore[string, string]
	keyed    *KeyedWindowStore[string, string]
	versions *VersionedStore[string, string]

	now    record.Time
	rows   map[string]Entry[string, string]
	starts map[string]map[windowing.Key[string]]Entry[windowing.Key[string], string]
	max    map[string]record.Time
	model  *versionsModel
}

const committedKeep = 40

func openCommitted(t *rapid.T, onDisk bool, shared *Shared) *committedRun {
	c := SpaceConfig{Shared: shared}
	if onDisk {
		c.Dir, c.FS = "state", vfs.NewMem()
	}
	s, err := OpenSpace(c)
	if err != nil {
		t.Fatal(err)
	}
	d := func(name string) Definition {
		return Definition{Name: name, WindowSize: 10 * time.Millisecond, Retention: committedKeep * time.Millisecond, segment: 30}
	}
	memory := d("kv")
	memory.InMemory = rapid.Bool().Draw(t, "in memory")
	return &committedRun{
		space: s,
		kv:    OpenKeyValue(s, memory, serde.String(), serde.String()),
		win:   OpenWindow(s, d("win"), serde.String(), serde.String()),
		keyed: OpenKeyedWindow(s, d("keyed"), serde.String(), serde.String()),

		versions: OpenVersioned(s, d("versions"), serde.String(), serde.String()),
		rows:     map[string]Entry[string, string]{},
		starts: map[string]map[windowing.Key[string]]Entry[windowing.Key[string], string]{
			"win": {}, "keyed": {},
		},
		max:   map[string]record.Time{"win": -1, "keyed": -1},
		model: &versionsModel{committedKeep, -1, map[string]map[record.Time]*string{}},
	}
}

func (r *committedRun) source(name string) parts {
	return parts{here: []*Committed{r.space.Committed(name)}}
}

func (r *committedRun) key(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "a", "a\x00", "ab", "b", "\xff", "a key that does not fit into a slot"}).Draw(t, "key")
}

func (r *committedRun) time(t *rapid.T) record.Time {
	r.now += record.Time(rapid.IntRange(0, 3).Draw(t, "later"))
	return max(0, r.now-record.Time(rapid.IntRange(0, 60).Draw(t, "before")))
}

func (r *committedRun) write(t *rapid.T) {
	key, at := r.key(t), r.time(t)
	r.space.SetNow(at)
	v := rapid.StringN(0, 3, -1).Draw(t, "value")
	remove := rapid.IntRange(0, 3).Draw(t, "remove") == 0
	switch rapid.IntRange(0, 3).Draw(t, "store") {
	case 0:
		if remove {
			r.kv.Delete(key)
		} else {
			r.kv.Put(key, v)
		}
	case 1:
		if remove {
			r.win.Delete(key, at)
		} else {
			r.win.Put(key, at, v)
		}
	case 2:
		if remove {
			r.keyed.Delete(key, at)
		} else {
			r.keyed.Put(key, at, v)
		}
	case 3:
		if remove {
			r.versions.Delete(key, at)
		} else {
			r.versions.Put(key, v, at)
		}
	}
}

// commit applies a generation, or gives it up, and folds what goes to the changelog.
func (r *committedRun) commit(t *rapid.T) {
	f := r.space.Freeze()
	r.write(t) // of the next generation, which is not committed
	if rapid.IntRange(0, 3).Draw(t, "fate") == 0 {
		r.space.Abort()
		return
	}
	if err := r.space.Apply(f, Checkpoint{Seq: 1}); err != nil {
		t.Fatal(err)
	}
	for i := range f.Stores {
		for _, e := range f.Stores[i].Changelog() {
			r.fold(f.Stores[i].Name, &e)
		}
	}
}

func (r *committedRun) fold(name string, e *FrozenEntry) {
	key := string(e.Key)
	switch name {
	case "kv":
		if e.Value == nil {
			delete(r.rows, key)
		} else {
			r.rows[key] = Entry[string, string]{key, string(e.Value), e.Time}
		}
	case "versions":
		var v *string
		if e.Value != nil {
			v = new(string(e.Value))
		}
		r.model.put(key, v, e.Time)
	default:
		r.max[name] = max(r.max[name], e.Start)
		w := windowing.Key[string]{Key: key, Start: e.Start, End: e.Start + 10}
		if e.Value == nil {
			delete(r.starts[name], w)
		} else {
			r.starts[name][w] = Entry[windowing.Key[string], string]{w, string(e.Value), e.Time}
		}
	}
}

func collect[E any](t *rapid.T, rows iter.Seq2[E, error]) []E {
	all := []E{}
	for e, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func (r *committedRun) readKeyValue(t *rapid.T) {
	ctx := context.Background()
	reader := NewKeyValueReader(r.source("kv"), stringSerdes)
	key, other := r.key(t), r.key(t)
	e, ok, err := reader.Entry(ctx, key)
	want, wantOK := r.rows[key]
	want.Key = key
	if err != nil || ok != wantOK || e != want {
		t.Fatalf("%q is %v %v %v, want %v %v", key, e, ok, err, want, wantOK)
	}
	in := func(accept func(k string) bool) []Entry[string, string] {
		all := []Entry[string, string]{}
		for _, k := range slices.Sorted(maps.Keys(r.rows)) {
			if accept(k) {
				all = append(all, r.rows[k])
			}
		}
		return all
	}
	check := func(what string, got iter.Seq2[Entry[string, string], error], want []Entry[string, string]) {
		if diff := cmp.Diff(want, collect(t, got)); diff != "" {
			t.Fatalf("%s (%q, %q): -want +got\n%s", what, key, other, diff)
		}
	}
	check("all", reader.All(ctx), in(func(string) bool { return true }))
	between := in(func(k string) bool { return key <= k && k <= other })
	check("between", reader.Scan(ctx, Between(key, other)), between)
	slices.Reverse(between)
	check("back", reader.Scan(ctx, Between(key, other).Reverse()), between)
	check("prefix", reader.Prefix(ctx, []byte(key)), in(func(k string) bool { return strings.HasPrefix(k, key) }))
}

func (r *committedRun) readWindows(t *rapid.T) {
	ctx := context.Background()
	name := rapid.SampledFrom([]string{"win", "keyed"}).Draw(t, "name")
	reader := NewWindowReader(r.source(name), 10*time.Millisecond, stringSerdes)
	key, from, to := r.key(t), r.time(t), r.time(t)
	visible := func(start record.Time) bool { return start > r.max[name]-committedKeep }
	w := windowing.Key[string]{Key: key, Start: from, End: from + 10}
	want, wantOK := r.starts[name][w]
	want.Key = w
	if wantOK = wantOK && visible(from); !wantOK {
		want.Value, want.Time = "", 0
	}
	if e, ok, err := reader.Entry(ctx, key, from); err != nil || ok != wantOK || e != want {
		t.Fatalf("%s: %v is %v %v %v, want %v %v", name, w, e, ok, err, want, wantOK)
	}
	all, ofKey := []Entry[windowing.Key[string], string]{}, []Entry[windowing.Key[string], string]{}
	for k, e := range r.starts[name] {
		if k.Start < from || k.Start > to || !visible(k.Start) {
			continue
		}
		if all = append(all, e); k.Key == key {
			ofKey = append(ofKey, e)
		}
	}
	order := func(a, b Entry[windowing.Key[string], string]) int {
		return strings.Compare(fmt.Sprintf("%08d%s", a.Key.Start, a.Key.Key), fmt.Sprintf("%08d%s", b.Key.Start, b.Key.Key))
	}
	slices.SortFunc(all, order)
	slices.SortFunc(ofKey, order)
	if diff := cmp.Diff(ofKey, collect(t, reader.Range(ctx, key, from, to))); diff != "" {
		t.Fatalf("%s: range of %q from %d to %d: -want +got\n%s", name, key, from, to, diff)
	}
	got := collect(t, reader.All(ctx, from, to))
	slices.SortFunc(got, order)
	if diff := cmp.Diff(all, got); diff != "" {
		t.Fatalf("%s: all from %d to %d: -want +got\n%s", name, from, to, diff)
	}
}

func (r *committedRun) readVersions(t *rapid.T) {
	ctx := context.Background()
	reader := NewVersionedReader(r.source("versions"), stringSerdes)
	key, from, to := r.key(t), r.time(t), r.time(t)
	want, wantOK := r.model.asOf(key, from)
	if v, ok, err := reader.AsOf(ctx, key, from); err != nil || ok != wantOK || v != want {
		t.Fatalf("%q as of %d is %v %v %v, want %v %v", key, from, v, ok, err, want, wantOK)
	}
	want, wantOK = r.model.asOf(key, EndOfTime)
	if v, ok, err := reader.Get(ctx, key); err != nil || ok != wantOK || v != want {
		t.Fatalf("%q is %v %v %v, want %v %v", key, v, ok, err, want, wantOK)
	}
	got, err := reader.History(ctx, key, from, to)
	if diff := cmp.Diff(r.model.history(key, from, to), append([]Version[string]{}, got...)); err != nil || diff != "" {
		t.Fatalf("history of %q from %d to %d: %v, -want +got\n%s", key, from, to, err, diff)
	}
}

// A reader sees the fold of the committed changelog: nothing that is only written or frozen, nothing
// that was given up, and all that was applied.
func TestReadersSeeTheFoldOfWhatIsCommitted(t *testing.T) {
	for _, onDisk := range []bool{false, true} {
		t.Run(fmt.Sprintf("disk %v", onDisk), func(t *testing.T) {
			shared := NewShared(0, 1<<20)
			defer func() {
				if err := shared.Close(); err != nil {
					t.Error(err)
				}
			}()
			rapid.Check(t, func(t *rapid.T) {
				r := openCommitted(t, onDisk, shared)
				defer func() {
					if err := errors.Join(r.space.Err(), r.space.Close()); err != nil {
						t.Error(err)
					}
				}()
				t.Repeat(map[string]func(*rapid.T){
					"write": r.write, "write more": r.write, "commit": r.commit,
					"key-value": r.readKeyValue, "windows": r.readWindows, "versions": r.readVersions,
				})
			})
		})
	}
}

// Readers go on beside the owner of the space: each walk and each look is of one commit, and once
// the space closes, walks that are under way end with an error.
func TestReadersBesideTheOwner(t *testing.T) {
	for name, c := range map[string]SpaceConfig{"memory": {}, "disk": {Dir: "state", FS: vfs.NewMem()}} {
		t.Run(name, func(t *testing.T) {
			s, err := OpenSpace(c)
			if err != nil {
				t.Fatal(err)
			}
			kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.Int64(), serde.Int64())
			const keys = 3 * walkRows
			write := func(n int64) {
				for key := range int64(keys) {
					kv.Put(key, n)
				}
				apply(t, s)
			}
			write(0)
			from := parts{here: []*Committed{s.Committed("kv")}}
			reader := NewKeyValueReader(from, func() Serdes[int64, int64] { return Serdes[int64, int64]{serde.Int64(), serde.Int64()} })
			var readers sync.WaitGroup
			for range 4 {
				readers.Go(func() {
					if err := readUntilClosed(reader, keys); !errors.Is(err, ErrNotHere) {
						t.Errorf("a reader ended with %v, want %v", err, ErrNotHere)
					}
				})
			}
			for n := int64(1); n < 100; n++ {
				write(n)
				for key := range int64(keys) { // and what is not committed
					kv.Put(key, -1)
				}
				s.Freeze()
				s.Abort()
				s.Trim()
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			readers.Wait()
		})
	}
}

// readUntilClosed checks walks and looks until one fails.
func readUntilClosed(reader KeyValueReader[int64, int64], keys int) error {
	ctx := context.Background()
	last := int64(0)
	for {
		v, ok, err := reader.Get(ctx, rand.Int64N(int64(keys)))
		if err != nil {
			return err
		}
		if !ok || v < last {
			return fmt.Errorf("a row is %d, %v after %d was committed", v, ok, last)
		}
		last = v
		n, of := 0, int64(-1)
		for e, err := range reader.All(ctx) {
			if err != nil {
				return err
			}
			if of < 0 {
				of = e.Value
			}
			if e.Value != of || of < last {
				return fmt.Errorf("row %d is %d, the first was %d, before it %d", n, e.Value, of, last)
			}
			n++
		}
		if n != keys {
			return fmt.Errorf("%d rows, want %d", n, keys)
		}
	}
}

// A walk holds nothing open once its loop has ended, however it ended.
func TestWalksHoldNothing(t *testing.T) {
	s := openAt(t, vfs.NewMem())
	kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.String(), serde.String())
	for n := range 10 * walkRows {
		kv.Put(fmt.Sprint(n), "v")
	}
	apply(t, s)
	reader := NewKeyValueReader(parts{here: []*Committed{s.Committed("kv")}}, stringSerdes)
	for range reader.All(context.Background()) {
		break
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for _, err := range reader.All(ctx) {
		if n++; n == walkRows+1 {
			cancel()
		}
		if n > walkRows+1 && !errors.Is(err, context.Canceled) {
			t.Errorf("row %d after the context has ended, error %v", n, err)
		}
	}
	if n != walkRows+2 {
		t.Errorf("%d rows and errors, want %d", n, walkRows+2)
	}
	func() {
		defer func() { _ = recover() }()
		for range reader.All(context.Background()) {
			panic("in the loop")
		}
	}()
	if open := len(s.gate.walks); open != 0 {
		t.Errorf("%d walks are open", open)
	}
}

// What is not here comes as an error after the rows that are, and a row that is found counts more
// than a partition that cannot be asked.
func TestReadersSayWhatIsNotHere(t *testing.T) {
	s := openAt(t, nil)
	kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.String(), serde.String())
	kv.Put("a", "1")
	apply(t, s)
	away := fmt.Errorf("store %q partition 7: %w", "kv", ErrNotHere)
	reader := NewKeyValueReader(parts{[]*Committed{s.Committed("kv")}, []error{away, ErrRestoring}}, stringSerdes)
	ctx := context.Background()
	var got []string
	for e, err := range reader.All(ctx) {
		got = append(got, fmt.Sprint(e.Key, " ", err))
	}
	if want := []string{"a <nil>", " " + away.Error(), " " + ErrRestoring.Error()}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if v, ok, err := reader.Get(ctx, "a"); v != "1" || !ok || err != nil {
		t.Errorf("a is %q %v %v", v, ok, err)
	}
	if _, ok, err := reader.Get(ctx, "b"); ok || !errors.Is(err, ErrNotHere) {
		t.Errorf("b is there: %v, %v; want %v", ok, err, ErrNotHere)
	}
	if s.Committed("nobody's") != nil {
		t.Error("a store is read that is not open")
	}
}

// What does not encode or decode is an error of the query and not of the space.
func TestReadersSerdeErrors(t *testing.T) {
	s := openAt(t, nil)
	kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.String(), serde.String())
	kv.Put("a", "bad")
	apply(t, s)
	from := parts{here: []*Committed{s.Committed("kv")}}
	reader := NewKeyValueReader(from, func() Serdes[string, string] { return Serdes[string, string]{picky("bad key"), picky("bad")} })
	ctx := context.Background()
	if _, _, err := reader.Get(ctx, "bad key"); !errors.Is(err, errBad) {
		t.Errorf("a key that does not encode gives %v", err)
	}
	if _, ok, err := reader.Get(ctx, "a"); ok || !errors.Is(err, errBad) {
		t.Errorf("a value that does not decode gives %v, %v", ok, err)
	}
	for _, rows := range []iter.Seq2[Entry[string, string], error]{reader.All(ctx), reader.Scan(ctx, From("bad key"))} {
		for e, err := range rows {
			if !errors.Is(err, errBad) {
				t.Errorf("a walk gives %v, %v", e, err)
			}
		}
	}
	if s.Err() != nil {
		t.Errorf("the space has failed: %v", s.Err())
	}
}
