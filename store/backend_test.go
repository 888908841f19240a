package store

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// backends are the two that must not differ.
func backends(t *testing.T) map[string]backend {
	t.Helper()
	shared := NewShared(0, 0)
	d, err := openDisk(SpaceConfig{Dir: "d", FS: vfs.NewMem(), Logger: slog.New(slog.DiscardHandler), memTable: memTableBytes}, shared)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
		shared.Close()
	})
	return map[string]backend{"disk": d, "memory": newMemory()}
}

// walkFrom is what an iterator yields from key on.
func walkFrom(it iterator, key string) (rows []string) {
	for ok := it.seek([]byte(key)); ok; ok = it.next() {
		rows = append(rows, fmt.Sprintf("%s=%s", it.key(), it.value()))
	}
	return rows
}

func TestWalkIsASnapshot(t *testing.T) {
	for name, b := range backends(t) {
		t.Run(name, func(t *testing.T) {
			write := func(value string, n int) {
				w := b.begin()
				for i := range n {
					w.set(fmt.Appendf(nil, "key-%04d", i), []byte(value))
				}
				if err := w.apply(); err != nil {
					t.Fatal(err)
				}
			}
			write("old", 1000)
			it, err := b.iterate([]byte("key"), []byte("kez"))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for ok := it.seek([]byte("key")); ok; ok = it.next() {
				if string(it.value()) != "old" {
					t.Fatalf("row %d is %s", n, it.value())
				}
				if n++; n == 10 {
					write("new", 2000)
				}
			}
			if err := it.close(); err != nil || n != 1000 {
				t.Errorf("%d rows, %v", n, err)
			}
		})
	}
}

// TestBackendsAreMaps applies the same batches to both backends and to a map.
func TestBackendsAreMaps(t *testing.T) {
	for name, b := range backends(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				empty := b.begin()
				empty.removeRange([]byte{0}, []byte("\xff\xff\xff\xff"))
				if err := empty.apply(); err != nil {
					t.Fatal(err)
				}
				model := map[string]string{}
				key := rapid.StringMatching(`[a-c]{1,3}`)
				t.Repeat(map[string]func(*rapid.T){
					"batch": func(t *rapid.T) { applyBatch(t, b, model, key) },
					"get": func(t *rapid.T) {
						k := key.Draw(t, "key")
						want, wantOK := model[k]
						if v, ok, err := b.get([]byte(k)); err != nil || ok != wantOK || string(v) != want {
							t.Fatalf("get %s: %q %v %v, want %q %v", k, v, ok, err, want, wantOK)
						}
					},
					"walk": func(t *rapid.T) {
						from, to, at := key.Draw(t, "from"), key.Draw(t, "to"), key.Draw(t, "at")
						it, err := b.iterate([]byte(from), []byte(to))
						if err != nil {
							t.Fatal(err)
						}
						var want []string
						for _, k := range slices.Sorted(maps.Keys(model)) {
							if max(from, at) <= k && k < to {
								want = append(want, k+"="+model[k])
							}
						}
						if got := walkFrom(it, at); !slices.Equal(got, want) {
							t.Fatalf("[%s, %s) from %s: %q, want %q", from, to, at, got, want)
						}
						if err := it.close(); err != nil {
							t.Fatal(err)
						}
					},
					"walk back": func(t *rapid.T) { walkBack(t, b, model, key.Draw(t, "from"), key.Draw(t, "to")) },
				})
			})
		})
	}
}

func walkBack(t *rapid.T, b backend, model map[string]string, from, to string) {
	it, err := b.iterate([]byte(from), []byte(to))
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for k, v := range model {
		if from <= k && k < to {
			want = append(want, k+"="+v)
		}
	}
	slices.Sort(want)
	slices.Reverse(want)
	for ok := it.last(); ok; ok = it.prev() {
		got = append(got, fmt.Sprintf("%s=%s", it.key(), it.value()))
	}
	if err := it.close(); err != nil || !slices.Equal(got, want) {
		t.Fatalf("back from %s to %s: %q, %v, want %q", to, from, got, err, want)
	}
}

func applyBatch(t *rapid.T, b backend, model map[string]string, key *rapid.Generator[string]) {
	w := b.begin()
	for range rapid.IntRange(0, 8).Draw(t, "changes") {
		k := key.Draw(t, "key")
		switch rapid.IntRange(0, 4).Draw(t, "change") {
		case 0:
			w.remove([]byte(k))
			delete(model, k)
		case 1:
			to := key.Draw(t, "to")
			if k >= to {
				continue
			}
			w.removeRange([]byte(k), []byte(to))
			maps.DeleteFunc(model, func(m, _ string) bool { return k <= m && m < to })
		default:
			v := rapid.StringN(0, 3, -1).Draw(t, "value")
			w.set([]byte(k), []byte(v))
			model[k] = v
		}
	}
	if err := w.apply(); err != nil {
		t.Fatal(err)
	}
}
