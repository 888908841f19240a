package processor

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

func small(_ string, v int64) bool { return v < 10 }

// update is a row's update from one value to another; negative: there is none.
func update(key string, from, to int64, at record.Time) row {
	return row{
		Key: key, Old: max(from, 0), HasOld: from >= 0, New: max(to, 0), HasNew: to >= 0,
		Time: at, Headers: headers,
	}
}

func TestFilterTableTurnsRowsThatDoNotPassIntoDeletions(t *testing.T) {
	in := []row{
		update("a", -1, 50, 1), // never passed
		update("a", 50, 5, 2),  // passes now
		update("a", 5, 6, 3),
		update("a", 6, 60, 4),  // passes no more
		update("a", 60, -1, 5), // deleted when it did not pass
		update("b", -1, 1, 6),
		update("b", 1, -1, 7),
	}
	blind := []row{ // without old values a deletion goes on for each row that does not pass
		update("a", -1, -1, 1), update("a", -1, 5, 2), update("a", -1, 6, 3), update("a", -1, -1, 4),
		update("a", -1, -1, 5), update("b", -1, 1, 6), update("b", -1, -1, 7),
	}
	seeing := []row{
		update("a", -1, 5, 2), update("a", 5, 6, 3), update("a", 6, -1, 4),
		update("b", -1, 1, 6), update("b", 1, -1, 7),
	}
	for _, kept := range []bool{false, true} {
		for _, old := range []bool{false, true} {
			for name, filter := range map[string]func(*Step, keyValueRows, ChangeOut[string, int64]) EmitChange[string, int64]{
				"FilterTable": func(s *Step, rows keyValueRows, out ChangeOut[string, int64]) EmitChange[string, int64] {
					return FilterTable(s, small, rows, old, out)
				},
				"FilterNotTable": func(s *Step, rows keyValueRows, out ChangeOut[string, int64]) EmitChange[string, int64] {
					return FilterNotTable(s, func(k string, v int64) bool { return !small(k, v) }, rows, old, out)
				},
			} {
				t.Run(caseName(name, kept, old), func(t *testing.T) {
					var h fakeHost
					var rows keyValueRows
					if kept {
						rows = openKeyValue(t, serde.String(), serde.Int64())
					}
					var got changes[string, int64]
					emit := filter(h.step("filter"), rows, ChangeOut[string, int64]{Next: got.emit})
					for i := range in {
						if err := emit(&in[i]); err != nil {
							t.Fatal(err)
						}
					}
					want := blind
					if old {
						want = seeing
					}
					got.want(t, want...)
					wantReasons(t, &h)
				})
			}
		}
	}
}

type keyValueRows = *store.KeyValueStore[string, int64]

func caseName(name string, kept, old bool) string {
	if kept {
		name += ", kept"
	}
	if old {
		name += ", with old values"
	}
	return name
}

// However rows come and go, what is kept is the rows that pass, and what was handed on makes the
// same table.
func TestFilteredTableHoldsTheRowsThatPass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		space, err := store.OpenSpace(store.SpaceConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer space.Close()
		open := func(name string) keyValueRows {
			return store.OpenKeyValue(space, store.Definition{Name: name}, serde.String(), serde.Int64())
		}
		var h fakeHost
		seen := map[string]int64{}
		source, low := open("source"), open("low")
		emit := TableSource(h.step("source"), source, ChangeOut[string, int64]{
			Next: FilterTable(h.step("filter"), small, low, rapid.Bool().Draw(t, "old"), ChangeOut[string, int64]{
				Next: func(c *row) error {
					delete(seen, c.Key)
					if c.HasNew {
						seen[c.Key] = c.New
					}
					return nil
				},
			}),
		})
		for range rapid.IntRange(0, 30).Draw(t, "updates") {
			r := of(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"), rapid.Int64Range(0, 20).Draw(t, "value"), 0)
			if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
				r = r.AsTombstone()
			}
			if err := emit(&r); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string]int64{}
		for k, v := range source.All() {
			if small(k, v) {
				want[k] = v
			}
		}
		kept := map[string]int64{}
		for k, v := range low.All() {
			kept[k] = v
		}
		for k, v := range want {
			if kept[k] != v || seen[k] != v {
				t.Fatalf("row %s: kept %d, handed on %d, want %d", k, kept[k], seen[k], v)
			}
		}
		if len(kept) != len(want) || len(seen) != len(want) {
			t.Fatalf("kept %v, handed on %v, want %v", kept, seen, want)
		}
	})
}

func TestPanicOfATableFilterFailsTheUpdate(t *testing.T) {
	boom := errors.New("boom")
	for name, change := range map[string]row{
		"of the new value": update("a", -1, 1, 1), "of the old value": update("a", 1, -1, 1),
	} {
		t.Run(name, func(t *testing.T) {
			var h fakeHost
			var got changes[string, int64]
			emit := FilterTable(h.step("filter"), func(string, int64) bool { panic(boom) }, nil, true,
				ChangeOut[string, int64]{Next: got.emit})
			if err := emit(&change); err != nil {
				t.Fatal(err)
			}
			got.want(t)
			wantReasons(t, &h, Process)
			if !errors.Is(h.failed[0].Err, boom) {
				t.Errorf("failed with %v", h.failed[0].Err)
			}
		})
	}
}
