package storetest

import (
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

// Place is where a test's space lives.
type Place struct {
	// Open opens the space. After Close it opens the same one again.
	Open func() (*store.Space, error)
	// Durable says that what was flushed is there when the space is opened again.
	Durable bool
}

// Run checks the rules of stores. place makes a place for each test, with nothing in it.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for _, inMemory := range []bool{false, true} {
		name := "place"
		if inMemory {
			name = "in memory"
		}
		t.Run(name, func(t *testing.T) {
			runKind(t, kind[int64]{
				name: "int64", of: func(n int) int64 { return int64(n) }, serde: serde.Int64(),
				place: place, inMemory: inMemory,
			})
			runKind(t, kind[string]{
				name: "string", of: text, serde: serde.String(), place: place, inMemory: inMemory,
			})
			runKind(t, kind[[]byte]{
				name: "bytes", of: func(n int) []byte { return []byte(text(n)) }, serde: serde.Bytes(),
				place: place, inMemory: inMemory,
			})
			runKind(t, kind[[]string]{
				name: "pointers", of: func(n int) []string { return []string{text(n), ""} },
				serde: serde.JSON[[]string](), place: place, inMemory: inMemory,
			})
		})
	}
}

// text is empty for 0, and too long for a slot for some others.
func text(n int) string {
	b := make([]byte, n*37%100)
	for i := range b {
		b[i] = 'a' + byte(n%26)
	}
	return string(b)
}

// kind is stores of one type of values at one place.
type kind[V any] struct {
	name     string
	of       func(n int) V // the nth value
	serde    serde.Serde[V]
	place    func(t *testing.T) Place
	inMemory bool
}

func runKind[V any](t *testing.T, k kind[V]) {
	keyValue := map[string]func(*testing.T, *keyValueRun[V]){
		"reads what it wrote":       readsWhatItWrote[V],
		"keys order as bytes":       keysOrderAsBytes[V],
		"ranges have both ends":     rangesHaveBothEnds[V],
		"prefixes are of bytes":     prefixesAreOfBytes[V],
		"ranges are as of a start":  rangesAreAsOfTheirStart[V],
		"a loop is as of its start": loopIsAsOfItsStart[V],
		"commits and aborts":        commitsAndAborts[V],
		"commits are pipelined":     commitsArePipelined[V],
		"restores":                  restores[V],
		"opens again":               opensAgain[V],
	}
	t.Run(k.name, func(t *testing.T) {
		for name, rule := range keyValue {
			t.Run("key-value/"+name, func(t *testing.T) {
				r := &keyValueRun[V]{kind: k, place: k.place(t), want: map[string]row[V]{}}
				r.open(t)
				rule(t, r)
				r.close(t)
			})
		}
		for name, rule := range windowRules[V]() {
			for _, byKey := range []bool{false, true} {
				kindName := "window/"
				if byKey {
					kindName = "window by key/"
				}
				t.Run(kindName+name, func(t *testing.T) {
					r := &windowRun[V]{kind: k, place: k.place(t), byKey: byKey, want: map[windowKey]row[V]{}, highest: -1}
					r.open(t)
					rule(t, r)
					r.close(t)
				})
			}
		}
	})
}

// row is a value and its time.
type row[V any] struct {
	Value V
	Time  record.Time
}

// opened opens a place's space.
func opened(t *testing.T, p Place) *store.Space {
	t.Helper()
	s, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// finish reports what went wrong with a space and closes it.
func finish(t *testing.T, s *store.Space) {
	t.Helper()
	if err := s.Err(); err != nil {
		t.Errorf("the space failed: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// commit freezes and applies.
func commit(t *testing.T, s *store.Space, seq, position int64) {
	t.Helper()
	if err := s.Apply(s.Freeze(), at(seq, position)); err != nil {
		t.Fatal(err)
	}
}

func at(seq, position int64) store.Checkpoint {
	return store.Checkpoint{Seq: seq, Positions: map[string]int64{"rows": position}}
}
