package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
)

// someKey draws keys that often repeat, are prefixes of one another, end in zeros, and are shorter
// and longer than what a slot holds.
func someKey() *rapid.Generator[string] {
	letters := rapid.SampledFrom([]string{"", "\x00", "\x00\x00", "a", "\xff", "0123456789abcde"})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(letters, 0, 4).Draw(t, "parts"), "")
	})
}

func TestProbesOrderAsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := someKey().Draw(t, "a"), someKey().Draw(t, "b")
		ra, rb := rankOf([]byte(a)), rankOf([]byte(b))
		if ra.less(&rb) != (a < b) || rb.less(&ra) != (b < a) {
			t.Fatalf("%q < %q is %v", a, b, ra.less(&rb))
		}
		if got := ra.appendTo(nil); string(got) != a {
			t.Fatalf("%q came back as %q", a, got)
		}
		var pa, pb probe
		pa.set([]byte(a))
		pb.set([]byte(b))
		if same := pa.hash == pb.hash; same != (a == b) {
			t.Fatalf("hashes of %q and %q are equal: %v", a, b, same)
		}
	})
}

// TestRanksSort sorts more keys than are compared, which share beginnings of every length, so that
// digits are counted again and again.
func TestRanksSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{"", "\x00", "a", "\xff", "same", "0123456789abcdef", "\x00\x01"})
		parts := rapid.SliceOfN(part, 2, 6).Draw(t, "parts")
		keys := map[string]bool{}
		for n := range rapid.SampledFrom([]int{10, 400, 3000}).Draw(t, "keys") {
			key := ""
			for m := n*7919 + 1; m > 0; m /= len(parts) {
				key += parts[m%len(parts)]
			}
			keys[key] = true
		}
		var gauge int64
		table := newTable[int](len(keys)*2, &gauge)
		var p probe
		for key := range keys {
			p.set([]byte(key))
			i, _ := table.find(&p)
			table.insert(i, &p)
		}
		var got []string
		for _, r := range table.sorted(func(*slot[int]) bool { return true }) {
			got = append(got, string(table.appendKey(nil, &table.slots[r.index])))
		}
		if want := slices.Sorted(maps.Keys(keys)); !slices.Equal(got, want) {
			t.Fatalf("%d keys %q, want %q", len(got), got, want)
		}
	})
}

// TestTableIsAMap inserts, changes and moves to other capacities, with some rows left out, and
// compares with a map.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var gauge int64
		table := newTable[int](0, &gauge)
		model := map[string]int{}
		var p probe
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				key, value := someKey().Draw(t, "key"), rapid.Int().Draw(t, "value")
				p.set([]byte(key))
				i, ok := table.find(&p)
				if _, want := model[key]; ok != want {
					t.Fatalf("find %q: %v, want %v", key, ok, want)
				}
				if !ok {
					if table.full() {
						table = rebuiltTable(&table, len(table.slots)*3/2, func(*slot[int]) bool { return true })
						i, _ = table.find(&p)
					}
					table.insert(i, &p)
				}
				table.slots[i].value = value
				model[key] = value
			},
			"rebuild": func(t *rapid.T) {
				odd := rapid.Bool().Draw(t, "without odd values")
				maps.DeleteFunc(model, func(_ string, v int) bool { return odd && v%2 != 0 })
				capacity := len(model)*loadDenominator/loadNumerator + 1 + rapid.IntRange(0, 30).Draw(t, "more")
				table = rebuiltTable(&table, capacity, func(s *slot[int]) bool { return !odd || s.value%2 == 0 })
			},
			"": func(t *rapid.T) { checkTable(t, &table, model, gauge) },
		})
	})
}

func rebuiltTable(old *table[int], capacity int, keep func(*slot[int]) bool) table[int] {
	to := old.rebuilt(capacity, keep, func(int, *slot[int]) {})
	old.drop()
	return to
}

func checkTable(t *rapid.T, table *table[int], model map[string]int, gauge int64) {
	if table.count != len(model) {
		t.Fatalf("%d rows, want %d", table.count, len(model))
	}
	var p probe
	for key, want := range model {
		p.set([]byte(key))
		i, ok := table.find(&p)
		if !ok || table.slots[i].value != want {
			t.Fatalf("%q is not %d", key, want)
		}
	}
	ranks := table.sorted(func(*slot[int]) bool { return true })
	var got []string
	for _, r := range ranks {
		got = append(got, string(table.appendKey(nil, &table.slots[r.index])))
	}
	if want := slices.Sorted(maps.Keys(model)); !slices.Equal(got, want) {
		t.Fatalf("keys in order %q, want %q", got, want)
	}
	if want := table.slotBytes() + int64(table.keys.held); gauge != want {
		t.Fatalf("%d bytes charged, want %d", gauge, want)
	}
}

// TestLookUpsEndInAFullTable fills tables of all small sizes to the brim.
func TestLookUpsEndInAFullTable(t *testing.T) {
	for capacity := tableMin; capacity < 40; capacity++ {
		var gauge int64
		table := newTable[int](capacity, &gauge)
		var p probe
		for n := 0; !table.full(); n++ {
			p.set([]byte{byte(n)})
			i, _ := table.find(&p)
			table.insert(i, &p)
		}
		for n := range 256 {
			p.set([]byte{byte(n)})
			if i, ok := table.find(&p); ok != (n < table.count) || ok && table.slots[i].free() {
				t.Fatalf("capacity %d: key %d found: %v", capacity, n, ok)
			}
		}
	}
}

// TestArenaKeepsWhatItHandedOut adds and releases strings, and compacts them; views that were
// handed out never change.
func TestArenaKeepsWhatItHandedOut(t *testing.T) {
	type held struct {
		want string
		at   place
		view []byte
	}
	rapid.Check(t, func(t *rapid.T) {
		var gauge int64
		a := arena{gauge: &gauge}
		var live, all []held
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				size := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 2*chunkMax)).Draw(t, "size")
				h := held{want: strings.Repeat(string(rune('a'+len(all)%26)), size)}
				h.at = addTo(&a, h.want)
				h.view = a.at(h.at)
				live, all = append(live, h), append(all, h)
			},
			"release": func(t *rapid.T) {
				if len(live) > 0 {
					i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
					a.release(live[i].at)
					live = slices.Delete(live, i, i+1)
				}
			},
			"compact": func(*rapid.T) {
				to := arena{gauge: &gauge}
				for i := range live {
					live[i].at = addTo(&to, a.at(live[i].at))
				}
				a.drop()
				a = to
			},
			"": func(t *rapid.T) {
				size := 0
				for _, h := range live {
					size += len(h.want)
					if got := a.at(h.at); string(got) != h.want || got == nil || cap(got) != len(got) {
						t.Fatalf("%d bytes of %.1q, cap %d, want %d of %.1q", len(got), got, cap(got), len(h.want), h.want)
					}
				}
				for _, h := range all {
					if string(h.view) != h.want {
						t.Fatalf("a view changed to %.1q, want %.1q", h.view, h.want)
					}
				}
				if a.live != size || gauge != int64(a.held) {
					t.Fatalf("live %d, want %d; charged %d, want %d", a.live, size, gauge, a.held)
				}
			},
		})
	})
}

func TestLastOfEachKeyIsRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOf(rapid.Custom(func(t *rapid.T) FrozenEntry {
			return FrozenEntry{
				Key:   []byte(someKey().Draw(t, "key")),
				Start: record.Time(rapid.IntRange(0, 2).Draw(t, "start")),
			}
		})).Draw(t, "rows")
		same := func(a, b *FrozenEntry) int {
			return cmp.Or(cmp.Compare(a.Start, b.Start), bytes.Compare(a.Key, b.Key))
		}
		var want []int32
		for i := range rows {
			later := func(r FrozenEntry) bool { return same(&r, &rows[i]) == 0 }
			if !slices.ContainsFunc(rows[i+1:], later) {
				want = append(want, int32(i))
			}
		}
		slices.SortFunc(want, func(a, b int32) int { return same(&rows[a], &rows[b]) })
		if got := lastOfEach(rows); !slices.Equal(got, want) {
			t.Fatalf("order %v, want %v", got, want)
		}
	})
}
