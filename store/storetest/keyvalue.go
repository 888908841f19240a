package storetest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

// keyValueRun is a test's key-value store and what must be in it.
type keyValueRun[V any] struct {
	kind[V]
	place Place
	space *store.Space
	rows  *store.KeyValueStore[string, V]
	want  map[string]row[V]
}

func (r *keyValueRun[V]) open(t *testing.T) {
	t.Helper()
	r.space = opened(t, r.place)
	d := store.Definition{Name: "rows", InMemory: r.inMemory}
	r.rows = store.OpenKeyValue(r.space, d, serde.String(), r.serde)
}

func (r *keyValueRun[V]) close(t *testing.T) {
	t.Helper()
	finish(t, r.space)
}

func (r *keyValueRun[V]) put(key string, n int) {
	e := row[V]{r.of(n), record.Time(n)}
	r.rows.PutAt(key, e.Value, e.Time)
	r.want[key] = e
}

func (r *keyValueRun[V]) remove(key string) {
	r.rows.Delete(key)
	delete(r.want, key)
}

// check compares a look-up of each key and a walk over all with what must be there.
func (r *keyValueRun[V]) check(t *testing.T, when string) {
	t.Helper()
	r.space.Trim()
	got := map[string]row[V]{}
	for e := range r.rows.Entries() {
		got[e.Key] = row[V]{e.Value, e.Time}
	}
	if !reflect.DeepEqual(got, r.want) {
		t.Fatalf("%s: all rows are\n%v\nwant\n%v", when, got, r.want)
	}
	for key, want := range r.want {
		if v, time, ok := r.rows.Find(key); !ok || !reflect.DeepEqual(row[V]{v, time}, want) {
			t.Fatalf("%s: row %q is %v, want %v", when, key, v, want)
		}
	}
	if _, ok := r.rows.Get("nobody wrote this"); ok {
		t.Fatalf("%s: a row is there that nobody wrote", when)
	}
}

func someKeys() []string {
	return []string{"", "\x00", "a", "a\x00", "ab", "exactly16 bytes.", "exactly16 bytes.\x00", "more than a slot holds", "\xff"}
}

func readsWhatItWrote[V any](t *testing.T, r *keyValueRun[V]) {
	for i, key := range someKeys() {
		r.put(key, i)
	}
	r.check(t, "put")
	r.remove("a")
	r.remove("never there")
	r.put("ab", 9)
	r.check(t, "changed")
	if _, _, ok := r.rows.Find("a"); ok {
		t.Error("a deleted row is there")
	}
	r.rows.Set(r.of(11), 11)
	r.want["a"] = row[V]{r.of(11), 11}
	r.rows.Find("ab")
	r.rows.Remove(12)
	delete(r.want, "ab")
	r.check(t, "by Find, Set and Remove")
	r.space.SetNow(77)
	r.rows.Put("now", r.of(3))
	if e, ok := r.rows.Entry("now"); !ok || e.Time != 77 || e.Key != "now" || !reflect.DeepEqual(e.Value, r.of(3)) {
		t.Errorf("entry %v, want the current record's time", e)
	}
}

func keysOrderAsBytes[V any](t *testing.T, r *keyValueRun[V]) {
	for i, key := range someKeys() {
		r.put(key, i)
		if i == 4 {
			commit(t, r.space, 1, 1)
		}
	}
	var got []string
	for key := range r.rows.All() {
		got = append(got, key)
	}
	if want := slices.Sorted(maps.Keys(r.want)); !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

func loopIsAsOfItsStart[V any](t *testing.T, r *keyValueRun[V]) {
	for n := range 50 {
		r.put(fmt.Sprint("old", n), n)
		if n == 25 {
			commit(t, r.space, 1, 1)
		}
	}
	want := maps.Clone(r.want)
	got := map[string]row[V]{}
	for e := range r.rows.Entries() {
		got[e.Key] = row[V]{e.Value, e.Time}
		if n := len(got); n < 50 {
			r.put(fmt.Sprint("new", n), n)
			r.put(fmt.Sprint("old", 50-n), 99)
			r.remove(fmt.Sprint("old", 25+n/2))
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the loop saw\n%v\nwant as of its start\n%v", got, want)
	}
	r.check(t, "after the loop")
}

func commitsAndAborts[V any](t *testing.T, r *keyValueRun[V]) {
	r.put("kept", 1)
	r.put("deleted", 2)
	commit(t, r.space, 1, 1)
	r.check(t, "committed")
	committed := maps.Clone(r.want)
	r.put("kept", 3)
	r.put("new", 4)
	r.remove("deleted")
	r.check(t, "written")
	f := r.space.Freeze()
	r.put("later", 5)
	r.space.Abort()
	r.want = committed
	r.check(t, "aborted")
	if err := r.space.Apply(f, at(2, 2)); err == nil {
		t.Error("an aborted generation was applied")
	}
	if err := r.space.Close(); err != nil {
		t.Error(err)
	}
	r.open(t)
}

func commitsArePipelined[V any](t *testing.T, r *keyValueRun[V]) {
	for n := range 20 {
		r.put("same", n)
		r.put(fmt.Sprint("other", n%3), n)
		f := r.space.Freeze()
		r.put("same", n+1)
		r.remove(fmt.Sprint("other", (n+1)%3))
		r.check(t, "frozen")
		if err := r.space.Apply(f, at(int64(n), 1)); err != nil {
			t.Fatal(err)
		}
		r.check(t, "applied")
	}
}

func restores[V any](t *testing.T, r *keyValueRun[V]) {
	var rows []store.FrozenEntry
	for n := range 30 {
		r.put(fmt.Sprint(n%10), n)
		if n%7 == 0 {
			r.remove(fmt.Sprint(n % 10))
		}
		f := r.space.Freeze()
		rows = append(rows, f.Stores[0].Entries...)
	}
	r.space.Abort()
	for range 2 { // the same rows twice give the same state
		if err := r.space.Restore("rows", rows, 30); err != nil {
			t.Fatal(err)
		}
		r.check(t, "restored")
		if got := r.space.Checkpoint().Positions["rows"]; got != 30 {
			t.Errorf("position %d, want 30", got)
		}
	}
}

func opensAgain[V any](t *testing.T, r *keyValueRun[V]) {
	r.put("a", 1)
	commit(t, r.space, 3, 4)
	r.put("a", 2) // not applied
	if err := r.space.Flush(); err != nil {
		t.Fatal(err)
	}
	r.close(t)
	r.open(t)
	r.want = map[string]row[V]{}
	want := store.Checkpoint{Positions: map[string]int64{}}
	if r.place.Durable {
		want.Seq = 3
		if !r.inMemory {
			want.Positions["rows"] = 4
			r.want["a"] = row[V]{r.of(1), 1}
		}
	}
	if got := r.space.Checkpoint(); !reflect.DeepEqual(got, want) {
		t.Errorf("checkpoint %v, want %v", got, want)
	}
	r.check(t, "opened again")
}
