package storetest

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pitwheel/pitwheel/store"
)

// checkWalk compares a walk with the rows that want accepts, in order or backward.
func (r *keyValueRun[V]) checkWalk(
	t *testing.T, what string, walk iter.Seq2[string, V], want func(key string) bool, backward bool,
) {
	t.Helper()
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(r.want)), func(k string) bool { return !want(k) })
	if backward {
		slices.Reverse(keys)
	}
	var got []string
	for key, v := range walk {
		got = append(got, key)
		if !reflect.DeepEqual(v, r.want[key].Value) {
			t.Errorf("%s: %q is %v, want %v", what, key, v, r.want[key].Value)
		}
	}
	if !slices.Equal(got, keys) {
		t.Errorf("%s gave %q, want %q", what, got, keys)
	}
}

// mixed writes rows of which some are applied, some changed or deleted since, some new.
func (r *keyValueRun[V]) mixed(t *testing.T) {
	t.Helper()
	for n := range 200 { // more than a page of the memory backend
		r.put(fmt.Sprintf("%03d", n), n)
	}
	commit(t, r.space, 1, 1)
	r.space.Trim()
	for n := 0; n < 200; n += 7 {
		r.remove(fmt.Sprintf("%03d", n))
	}
	for n := 0; n < 200; n += 5 {
		r.put(fmt.Sprintf("%03d", n), n+1)
	}
	for i, key := range someKeys() {
		r.put(key, i)
	}
}

func rangesHaveBothEnds[V any](t *testing.T, r *keyValueRun[V]) {
	r.mixed(t)
	for _, when := range []string{"written", "committed"} {
		if when == "committed" {
			commit(t, r.space, 2, 2)
		}
		ends := []string{"", "\x00", "040", "049", "0490", "060", "199", "1990", "a", "exactly16 bytes.", "exactly16 bytes.\x00", "\xff", "\xff\xff"}
		for _, from := range ends {
			for _, to := range ends {
				in := func(k string) bool { return from <= k && k <= to }
				between := store.Between(from, to)
				r.checkWalk(t, fmt.Sprintf("%s: between %q and %q", when, from, to), r.rows.Scan(between), in, false)
				r.checkWalk(t, fmt.Sprintf("%s: back from %q to %q", when, to, from), r.rows.Scan(between.Reverse()), in, true)
			}
			after := func(k string) bool { return from <= k }
			before := func(k string) bool { return k <= from }
			r.checkWalk(t, when+": from "+from, r.rows.Scan(store.From(from)), after, false)
			r.checkWalk(t, when+": back to "+from, r.rows.Scan(store.From(from).Reverse()), after, true)
			r.checkWalk(t, when+": up to "+from, r.rows.Scan(store.UpTo(from)), before, false)
			r.checkWalk(t, when+": back from "+from, r.rows.Scan(store.UpTo(from).Reverse()), before, true)
		}
		all := func(string) bool { return true }
		r.checkWalk(t, when+": all", r.rows.All(), all, false)
		r.checkWalk(t, when+": backward", r.rows.Backward(), all, true)
		r.checkWalk(t, when+": no ends", r.rows.Scan(store.Range[string]{}), all, false)
		r.checkWalk(t, when+": reversed twice", r.rows.Scan(store.Range[string]{}.Reverse().Reverse()), all, false)
	}
}

func prefixesAreOfBytes[V any](t *testing.T, r *keyValueRun[V]) {
	r.mixed(t)
	r.put("\xff\xff", 1)
	r.put("\xff\xff\x01", 2)
	for _, prefix := range []string{"", "0", "01", "01\x00", "1", "a", "exactly16 bytes.", "\x00", "\xff", "\xff\xff", "nobody's"} {
		r.checkWalk(t, fmt.Sprintf("prefix %q", prefix), r.rows.Prefix([]byte(prefix)), func(k string) bool {
			return strings.HasPrefix(k, prefix)
		}, false)
	}
}

func rangesAreAsOfTheirStart[V any](t *testing.T, r *keyValueRun[V]) {
	for _, backward := range []bool{false, true} {
		r.mixed(t)
		want := maps.Clone(r.want)
		of := store.Between("020", "180")
		if backward {
			of = of.Reverse()
		}
		n := 0
		got := map[string]V{}
		for key, v := range r.rows.Scan(of) {
			got[key] = v
			r.put(fmt.Sprintf("%03dnew", n), n)
			r.put(fmt.Sprintf("%03d", 200-n), 99)
			r.remove(fmt.Sprintf("%03d", n))
			if n++; n == 50 {
				commit(t, r.space, 2, 2)
			}
		}
		maps.DeleteFunc(want, func(k string, _ row[V]) bool { return k < "020" || k > "180" })
		for key, e := range want {
			if v, ok := got[key]; !ok || !reflect.DeepEqual(v, e.Value) {
				t.Errorf("backward %v: %q is %v, %v, want %v as of the loop's start", backward, key, v, ok, e.Value)
			}
		}
		if len(got) != len(want) {
			t.Errorf("backward %v: %d rows, want %d", backward, len(got), len(want))
		}
		r.check(t, "after the loop")
	}
	for range r.rows.Backward() {
		break // and nothing is left open
	}
}
