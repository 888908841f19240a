package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

const (
	size      = 10
	retention = 50
)

type windowKey = windowing.Key[string]

// windowRun is a test's window store and what was written to it.
type windowRun[V any] struct {
	kind[V]
	place   Place
	space   *store.Space
	byKey   bool // the rows stand by key
	rows    windowStore[V]
	want    map[windowKey]row[V]
	highest record.Time // start written
}

// windowStore is what both kinds of window stores are.
type windowStore[V any] interface {
	store.Window[string, V]
	Find(key string, start record.Time) (v V, at record.Time, ok bool)
	Expired() int64
}

func (r *windowRun[V]) open(t *testing.T) {
	t.Helper()
	r.space = opened(t, r.place)
	d := store.Definition{
		Name: "rows", InMemory: r.inMemory,
		WindowSize: size * time.Millisecond, Retention: retention * time.Millisecond,
	}
	if r.byKey {
		r.rows = store.OpenKeyedWindow(r.space, d, serde.String(), r.serde)
	} else {
		r.rows = store.OpenWindow(r.space, d, serde.String(), r.serde)
	}
}

func (r *windowRun[V]) close(t *testing.T) {
	t.Helper()
	finish(t, r.space)
}

func window(key string, start record.Time) windowKey {
	return windowKey{Key: key, Start: start, End: start + size}
}

func (r *windowRun[V]) put(key string, start record.Time, n int) {
	e := row[V]{r.of(n), record.Time(n)}
	r.rows.PutAt(key, start, e.Value, e.Time)
	if start > r.highest-retention {
		r.want[window(key, start)] = e
		r.highest = max(r.highest, start)
	}
}

func (r *windowRun[V]) remove(key string, start record.Time) {
	r.rows.Delete(key, start)
	if start > r.highest-retention {
		delete(r.want, window(key, start))
		r.highest = max(r.highest, start)
	}
}

// visible are the windows that start in [from, to] and have not expired, in order.
func (r *windowRun[V]) visible(from, to record.Time) []windowKey {
	return slices.SortedFunc(func(yield func(windowKey) bool) {
		for k := range r.want {
			if max(from, r.highest-retention+1) <= k.Start && k.Start <= to && !yield(k) {
				return
			}
		}
	}, compareWindows)
}

func compareWindows(a, b windowKey) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Key, b.Key))
}

// check compares walks and look-ups with what must be there.
func (r *windowRun[V]) check(t *testing.T, when string) {
	t.Helper()
	r.space.Trim()
	for _, span := range [][2]record.Time{{0, 1 << 40}, {r.highest - 20, r.highest - 10}, {r.highest, r.highest}} {
		var got []windowKey
		for e := range r.rows.Entries(span[0], span[1]) {
			got = append(got, e.Key)
			if want := r.want[e.Key]; !reflect.DeepEqual(row[V]{e.Value, e.Time}, want) {
				t.Fatalf("%s: %v is %v, want %v", when, e.Key, e.Value, want)
			}
		}
		// Each key's windows come by start; the order of the keys is the kind's.
		last := map[string]record.Time{}
		for _, k := range got {
			if at, ok := last[k.Key]; ok && at >= k.Start {
				t.Fatalf("%s: window %v comes after the one at %d", when, k, at)
			}
			last[k.Key] = k.Start
		}
		slices.SortFunc(got, compareWindows)
		if want := r.visible(span[0], span[1]); !slices.Equal(got, want) {
			t.Fatalf("%s: windows from %d to %d are %v, want %v", when, span[0], span[1], got, want)
		}
	}
	for k, want := range r.want {
		v, at, ok := r.rows.Find(k.Key, k.Start)
		if there := k.Start > r.highest-retention; ok != there || ok && !reflect.DeepEqual(row[V]{v, at}, want) {
			t.Fatalf("%s: %v is %v, there: %v, want %v, there: %v", when, k, v, ok, want, there)
		}
	}
}

func windowRules[V any]() map[string]func(*testing.T, *windowRun[V]) {
	return map[string]func(*testing.T, *windowRun[V]){
		"reads what it wrote":   windowsReadWhatTheyWrote[V],
		"forgets what expired":  windowsExpire[V],
		"a range is of one key": rangeIsOfOneKey[V],
		"commits and aborts":    windowsCommitAndAbort[V],
		"restores":              windowsRestore[V],
		"opens again":           windowsOpenAgain[V],
	}
}

// write writes rows in a few windows, and removes some.
func (r *windowRun[V]) write(from record.Time) {
	for n := range 60 {
		r.put(fmt.Sprint("key", n%7), from+record.Time(n/12*size), n)
		if n%5 == 4 {
			r.remove(fmt.Sprint("key", (n+3)%7), from+record.Time(n/12*size))
		}
	}
}

func windowsReadWhatTheyWrote[V any](t *testing.T, r *windowRun[V]) {
	for i, key := range someKeys() {
		r.put(key, record.Time(i%3*size), i)
	}
	r.check(t, "put")
	r.write(0)
	r.check(t, "written")
	commit(t, r.space, 1, 1)
	r.check(t, "committed")
	r.write(20)
	r.check(t, "written again")
}

func windowsExpire[V any](t *testing.T, r *windowRun[V]) {
	for from := record.Time(0); from < 200; from += 30 {
		r.write(from)
		r.check(t, "written")
		commit(t, r.space, 1, 1)
		r.check(t, "committed")
	}
	before := r.rows.Expired()
	r.put("late", r.highest-retention, 1)
	r.put("just in time", r.highest-retention+1, 1)
	r.check(t, "late")
	want := int64(1)
	if r.byKey && !r.inMemory {
		want = 0 // until its segment is beyond the retention
		r.put("much later", r.highest+4*60_000, 1)
		r.rows.Put("late", 1, r.of(1))
		r.rows.Delete("late", 1)
		r.check(t, "much later")
		want += 2
	}
	if got := r.rows.Expired() - before; got != want {
		t.Errorf("%d writes have expired, want %d", got, want)
	}
}

func rangeIsOfOneKey[V any](t *testing.T, r *windowRun[V]) {
	for n := range 10 {
		r.put("a", record.Time(n*size/2), n)
		r.put("b", record.Time(n*size), n)
		if n == 5 {
			commit(t, r.space, 1, 1)
		}
	}
	r.remove("b", 60)
	for _, span := range [][2]record.Time{{0, 1000}, {60, 60}, {55, 85}, {80, 60}} {
		var got []windowKey
		for k, v := range r.rows.Range("b", span[0], span[1]) {
			got = append(got, k)
			if want := r.want[k].Value; !reflect.DeepEqual(v, want) {
				t.Errorf("%v is %v, want %v", k, v, want)
			}
		}
		want := slices.DeleteFunc(r.visible(span[0], span[1]), func(k windowKey) bool { return k.Key != "b" })
		if !slices.Equal(got, want) {
			t.Errorf("from %d to %d: %v, want %v", span[0], span[1], got, want)
		}
	}
}

func windowsCommitAndAbort[V any](t *testing.T, r *windowRun[V]) {
	r.write(0)
	commit(t, r.space, 1, 1)
	committed, highest := maps.Clone(r.want), r.highest
	r.write(70)
	r.check(t, "written")
	r.space.Freeze()
	r.write(100)
	r.space.Abort()
	r.want, r.highest = committed, highest
	r.check(t, "aborted")
	r.write(10)
	r.check(t, "written again")
}

func windowsRestore[V any](t *testing.T, r *windowRun[V]) {
	var rows []store.FrozenEntry
	for from := record.Time(0); from < 100; from += 20 {
		r.write(from)
		rows = append(rows, r.space.Freeze().Stores[0].Entries...)
	}
	r.space.Abort()
	for range 2 {
		if err := r.space.Restore("rows", rows, 30); err != nil {
			t.Fatal(err)
		}
		r.check(t, "restored")
	}
}

func windowsOpenAgain[V any](t *testing.T, r *windowRun[V]) {
	r.write(40)
	commit(t, r.space, 3, 4)
	if err := r.space.Flush(); err != nil {
		t.Fatal(err)
	}
	r.close(t)
	r.open(t)
	if !r.place.Durable || r.inMemory {
		r.want, r.highest = map[windowKey]row[V]{}, -1
	}
	r.check(t, "opened again")
	r.write(60)
	r.check(t, "written again")
}
