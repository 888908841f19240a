package store

import (
	"strings"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/serde"
)

// readOnlyStores are what tables keep: each is opened with a row, is read, and is written to.
var readOnlyStores = map[string]struct {
	open   func(s *Space, d Definition) State
	read   func(s any) (int64, bool)
	writes map[string]func(s any)
}{
	"key-value": {
		func(s *Space, d Definition) State {
			rows := OpenKeyValue(s, d, serde.String(), serde.Int64())
			rows.Put("k", 1)
			return rows
		},
		func(s any) (int64, bool) { return s.(KeyValue[string, int64]).Get("k") },
		map[string]func(s any){
			"Put":    func(s any) { s.(KeyValue[string, int64]).Put("k", 2) },
			"PutAt":  func(s any) { s.(KeyValue[string, int64]).PutAt("k", 2, 3) },
			"Delete": func(s any) { s.(KeyValue[string, int64]).Delete("k") },
		},
	},
	"window": {
		func(s *Space, d Definition) State {
			rows := OpenWindow(s, d, serde.String(), serde.Int64())
			rows.Put("k", 5, 1)
			return rows
		}, readWindow, windowWrites,
	},
	"window by key": {
		func(s *Space, d Definition) State {
			rows := OpenKeyedWindow(s, d, serde.String(), serde.Int64())
			rows.Put("k", 5, 1)
			return rows
		}, readWindow, windowWrites,
	},
	"versioned": {
		func(s *Space, d Definition) State {
			rows := OpenVersioned(s, d, serde.String(), serde.Int64())
			rows.Put("k", 1, 5)
			return rows
		},
		func(s any) (int64, bool) {
			v, ok := s.(Versioned[string, int64]).Get("k")
			return v.Value, ok
		},
		map[string]func(s any){
			"Put":    func(s any) { s.(Versioned[string, int64]).Put("k", 2, 6) },
			"Delete": func(s any) { s.(Versioned[string, int64]).Delete("k", 6) },
		},
	},
}

func readWindow(s any) (int64, bool) { return s.(Window[string, int64]).Get("k", 5) }

var windowWrites = map[string]func(s any){
	"Put":    func(s any) { s.(Window[string, int64]).Put("k", 5, 2) },
	"PutAt":  func(s any) { s.(Window[string, int64]).PutAt("k", 5, 2, 3) },
	"Delete": func(s any) { s.(Window[string, int64]).Delete("k", 5) },
}

// TestAReadOnlyStoreIsRead and each write to it is a failure of the space, which names the store.
func TestAReadOnlyStoreIsRead(t *testing.T) {
	for kind, tt := range readOnlyStores {
		for verb, write := range tt.writes {
			t.Run(kind+"/"+verb, func(t *testing.T) {
				space, err := OpenSpace(SpaceConfig{})
				if err != nil {
					t.Fatal(err)
				}
				defer space.Close()
				s := ReadOnly(tt.open(space, Definition{Name: "table", WindowSize: time.Second, Retention: time.Minute}))
				if n, ok := tt.read(s); n != 1 || !ok {
					t.Errorf("read %d, %v, want 1", n, ok)
				}
				if err := space.Err(); err != nil {
					t.Fatal(err)
				}
				write(s)
				if err := space.Err(); err == nil || !strings.Contains(err.Error(), `wrote to store "table", which a table keeps`) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}
