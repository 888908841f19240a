package store

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// versionsModel is a versioned store as its definition says: everything that was ever accepted.
type versionsModel struct {
	keep record.Time
	max  record.Time
	puts map[string]map[record.Time]*string // nil: deleted
}

func (m *versionsModel) clone() *versionsModel {
	c := &versionsModel{m.keep, m.max, map[string]map[record.Time]*string{}}
	for key, of := range m.puts {
		c.puts[key] = maps.Clone(of)
	}
	return c
}

// next is when the version of the key that is valid at that time ends.
func (m *versionsModel) next(key string, at record.Time) record.Time {
	next := EndOfTime
	for from := range m.puts[key] {
		if from > at {
			next = min(next, from)
		}
	}
	return next
}

func (m *versionsModel) put(key string, v *string, at record.Time) (to record.Time, ok bool) {
	if at < m.max-m.keep {
		return 0, false
	}
	if m.puts[key] == nil {
		m.puts[key] = map[record.Time]*string{}
	}
	m.puts[key][at] = v
	m.max = max(m.max, at)
	return m.next(key, at), true
}

func (m *versionsModel) asOf(key string, at record.Time) (v Version[string], ok bool) {
	from := record.Time(math.MinInt64)
	for f := range m.puts[key] {
		if f <= at {
			from = max(from, f)
		}
	}
	value := m.puts[key][from]
	to := m.next(key, from)
	if value == nil || at < m.max-m.keep && to != EndOfTime {
		return v, false
	}
	return Version[string]{*value, from, to}, true
}

func (m *versionsModel) history(key string, from, to record.Time) []Version[string] {
	found := []Version[string]{}
	for _, f := range slices.Sorted(maps.Keys(m.puts[key])) {
		v, end := m.puts[key][f], m.next(key, f)
		shown := end == EndOfTime || to >= m.max-m.keep && end > m.max-m.keep
		if v != nil && f <= to && end > from && shown {
			found = append(found, Version[string]{*v, f, end})
		}
	}
	return found
}

// versionsRun is a run of random operations on a store and on the model.
type versionsRun struct {
	fs            *vfs.MemFS // nil: in memory
	shared        *Shared
	space         *Space
	store         *VersionedStore[string, string]
	live, applied *versionsModel
	changelog     []FrozenEntry
	now           record.Time
}

func (r *versionsRun) open(t *rapid.T) {
	c := SpaceConfig{Shared: r.shared}
	if r.fs != nil {
		c.Dir, c.FS = "state", r.fs
	}
	var err error
	if r.space, err = OpenSpace(c); err != nil {
		t.Fatal(err)
	}
	d := Definition{Name: "versions", Retention: time.Duration(r.live.keep) * time.Millisecond}
	r.store = OpenVersioned(r.space, d, serde.String(), serde.String())
}

func (r *versionsRun) key(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "a", "ab", "b", "a key that does not fit into a slot"}).Draw(t, "key")
}

func (r *versionsRun) time(t *rapid.T) record.Time {
	r.now += record.Time(rapid.IntRange(0, 3).Draw(t, "later"))
	return max(0, r.now-record.Time(rapid.IntRange(0, 30).Draw(t, "before")))
}

func (r *versionsRun) put(t *rapid.T) {
	key, at := r.key(t), r.time(t)
	v := rapid.StringN(0, 3, -1).Draw(t, "value")
	to, ok := r.store.Put(key, v, at)
	if want, wantOK := r.live.put(key, &v, at); ok != wantOK || to != want {
		t.Fatalf("put %q at %d: %d %v, want %d %v", key, at, to, ok, want, wantOK)
	}
}

func (r *versionsRun) remove(t *rapid.T) {
	key, at := r.key(t), r.time(t)
	var want Version[string]
	var wantOK bool
	if at >= r.live.max-r.live.keep {
		want, wantOK = r.live.asOf(key, at)
	}
	r.live.put(key, nil, at)
	if v, ok := r.store.Delete(key, at); ok != wantOK || v != want {
		t.Fatalf("delete %q at %d: %v %v, want %v %v", key, at, v, ok, want, wantOK)
	}
}

func (r *versionsRun) read(t *rapid.T) {
	key, at := r.key(t), r.time(t)
	want, wantOK := r.live.asOf(key, at)
	if v, ok := r.store.AsOf(key, at); ok != wantOK || v != want {
		t.Fatalf("%q as of %d: %v %v, want %v %v (highest %d)", key, at, v, ok, want, wantOK, r.live.max)
	}
	want, wantOK = r.live.asOf(key, EndOfTime)
	if v, ok := r.store.Get(key); ok != wantOK || v != want {
		t.Fatalf("%q: %v %v, want %v %v", key, v, ok, want, wantOK)
	}
}

func (r *versionsRun) history(t *rapid.T) {
	key, from, to := r.key(t), r.time(t), r.time(t)
	if diff := cmp.Diff(r.live.history(key, from, to), append([]Version[string]{}, slices.Collect(r.store.History(key, from, to))...)); diff != "" {
		t.Fatalf("history of %q from %d to %d: -want +got\n%s", key, from, to, diff)
	}
}

func (r *versionsRun) all(t *rapid.T) {
	want := map[string]Version[string]{}
	for key := range r.live.puts {
		if v, ok := r.live.asOf(key, EndOfTime); ok {
			want[key] = v
		}
	}
	if diff := cmp.Diff(want, maps.Collect(r.store.All())); diff != "" {
		t.Fatalf("all: -want +got\n%s", diff)
	}
}

func (r *versionsRun) commit(t *rapid.T) {
	f := r.space.Freeze()
	if rapid.IntRange(0, 4).Draw(t, "fate") == 0 {
		r.space.Abort()
		r.live = r.applied.clone()
		return
	}
	for i := range f.Stores {
		r.changelog = append(r.changelog, f.Stores[i].Changelog()...)
	}
	if err := r.space.Apply(f, Checkpoint{Seq: 1, Positions: map[string]int64{"versions": int64(len(r.changelog))}}); err != nil {
		t.Fatal(err)
	}
	r.applied = r.live.clone()
}

// restore brings the store back from its changelog, in batches; some of them twice.
func (r *versionsRun) restore(t *rapid.T) {
	r.space.Abort()
	r.live = r.applied.clone()
	if err := r.space.Clear("versions"); err != nil {
		t.Fatal(err)
	}
	for from := 0; from < len(r.changelog); {
		n := rapid.IntRange(1, len(r.changelog)-from).Draw(t, "batch")
		if err := r.space.Restore("versions", r.changelog[from:from+n], int64(from+n)); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "again") {
			continue
		}
		from += n
	}
}

// reopen closes the space and opens it again.
func (r *versionsRun) reopen(t *rapid.T) {
	if r.fs == nil {
		return
	}
	if err := r.space.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := r.space.Close(); err != nil {
		t.Fatal(err)
	}
	r.live = r.applied.clone()
	r.open(t)
}

func TestVersionedStoreIsItsDefinition(t *testing.T) {
	for _, budget := range []int64{1 << 30, 1} {
		for _, onDisk := range []bool{false, true} {
			t.Run(fmt.Sprintf("disk %v, cache %d", onDisk, budget), func(t *testing.T) {
				shared := NewShared(budget, 1<<20)
				defer func() {
					if err := shared.Close(); err != nil {
						t.Error(err)
					}
				}()
				rapid.Check(t, func(t *rapid.T) {
					keep := record.Time(rapid.SampledFrom([]int{0, 5, 20}).Draw(t, "history"))
					r := &versionsRun{shared: shared, live: &versionsModel{keep, -1, map[string]map[record.Time]*string{}}}
					if onDisk {
						r.fs = vfs.NewMem()
					}
					r.applied = r.live.clone()
					r.open(t)
					defer func() {
						if err := r.space.Close(); err != nil {
							t.Error(err)
						}
					}()
					t.Repeat(map[string]func(*rapid.T){
						"put": r.put, "put more": r.put, "delete": r.remove, "read": r.read, "history": r.history, "all": r.all,
						"commit": r.commit, "restore": r.restore, "reopen": r.reopen,
						"trim": func(*rapid.T) { r.space.Trim() },
						"": func(t *rapid.T) {
							if err := r.space.Err(); err != nil {
								t.Fatal(err)
							}
						},
					})
				})
			})
		}
	}
}

// What is beyond the history goes, also of keys that nobody writes to any more.
func TestVersionsBeyondTheHistoryGo(t *testing.T) {
	s := openAt(t, nil)
	v := OpenVersioned(s, Definition{Name: "v", Retention: 10 * time.Millisecond}, serde.Int64(), serde.String())
	for key := range int64(100) {
		for at := range record.Time(5) {
			v.Put(key, "old", at)
		}
		if key%2 == 0 {
			v.Delete(key, 6)
		}
	}
	apply(t, s)
	for at := record.Time(100); at < 140; at++ {
		v.Put(-1, "new", at)
		apply(t, s)
	}
	rows, bytes := 0, 0
	it, err := s.primary.iterate([]byte{dataArea}, []byte{dataArea + 1})
	if err != nil {
		t.Fatal(err)
	}
	for ok := it.seek([]byte{dataArea}); ok; ok = it.next() {
		rows++
		bytes += len(it.value())
	}
	if err := it.close(); err != nil {
		t.Fatal(err)
	}
	if rows != 51 || bytes > 51*(8+8+1+3)+12*12 {
		t.Errorf("%d rows of %d bytes are left, want the latest version of 50 keys, and one within its history", rows, bytes)
	}
	if e, ok := v.Get(1); !ok || e.Value != "old" || e.From != 4 {
		t.Errorf("the latest version is %v, %v", e, ok)
	}
}

// A changelog has each put, in the order of the puts, and not the row.
func TestVersionsAreLoggedAsTheyArePut(t *testing.T) {
	s := openAt(t, nil)
	v := OpenVersioned(s, Definition{Name: "v", Retention: 10 * time.Millisecond}, serde.String(), serde.String())
	v.Put("a", "1", 20)
	v.Put("a", "0", 12)
	v.Delete("a", 15)
	if _, ok := v.Put("a", "too late", 9); ok || v.Expired() != 1 {
		t.Errorf("a put beyond the history is accepted, or not counted: %d", v.Expired())
	}
	f := s.Freeze()
	want := []FrozenEntry{
		{Key: []byte("a"), Value: []byte("1"), Time: 20},
		{Key: []byte("a"), Value: []byte("0"), Time: 12},
		{Key: []byte("a"), Time: 15},
	}
	if diff := cmp.Diff(want, f.Stores[0].Changelog()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if err := s.Apply(f, Checkpoint{Seq: 1}); err != nil {
		t.Fatal(err)
	}
	if f := s.Freeze(); len(f.Stores) != 0 {
		t.Errorf("it is logged again: %v", f.Stores)
	}
}

func FuzzVersions(f *testing.F) {
	row, _, _ := putVersion(nil, nil, 5, []byte("v"), 0)
	row, _, _ = putVersion(nil, row, 7, nil, 0)
	f.Add(row, int64(6))
	f.Fuzz(func(_ *testing.T, row []byte, at int64) {
		_, _, _ = versionAt(row, record.Time(at))
		_, _ = versionsIn(row, 0, record.Time(at), 0)
		_, _ = pruneVersions(row, record.Time(at))
		if put, _, err := putVersion(nil, row, record.Time(at), []byte("x"), 0); err == nil {
			if v, ok, err := versionAt(put, record.Time(at)); err != nil || !ok || string(v.value) != "x" {
				panic(fmt.Sprint("what was put is not there: ", v, ok, err))
			}
		}
	})
}
