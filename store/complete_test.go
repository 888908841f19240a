package store

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// counted counts what a backend is asked for.
type counted struct {
	backend
	gets, walks int
}

func (c *counted) get(key []byte) ([]byte, bool, error) {
	c.gets++
	return c.backend.get(key)
}

func (c *counted) iterate(from, to []byte) (iterator, error) {
	c.walks++
	return c.backend.iterate(from, to)
}

// count counts from now on.
func count(s *Space) *counted {
	c := &counted{backend: s.primary.backend}
	s.primary.backend = c
	return c
}

func (c *counted) want(t *testing.T, when string, gets, walks int) {
	t.Helper()
	if c.gets != gets || c.walks != walks {
		t.Errorf("%s: %d gets and %d walks, want %d and %d", when, c.gets, c.walks, gets, walks)
	}
	c.gets, c.walks = 0, 0
}

func TestNewWindowNeverAsksTheBackend(t *testing.T) {
	s := openAt(t, nil)
	w := OpenWindow(s, Definition{Name: "w"}, serde.Int64(), serde.Int64())
	w.Put(1, 0, 1)
	apply(t, s)
	c := count(s)
	for n := range int64(1000) {
		w.Find(n, 10)
		w.Set(n, 1)
		w.Find(-n-1, 10)
	}
	apply(t, s)
	for n := range int64(1000) {
		w.Find(n, 10)
		w.Find(-n-1, 10)
	}
	n := 0
	for range w.All(10, 10) {
		n++
	}
	if n != 1000 {
		t.Errorf("%d rows", n)
	}
	c.want(t, "a window after the last", 0, 0)
}

func TestSmallStoreIsReadOnce(t *testing.T) {
	s := openAt(t, nil)
	w := OpenWindow(s, Definition{Name: "w"}, serde.Int64(), serde.Int64())
	kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.Int64(), serde.Int64())
	for n := range int64(loadMax) {
		w.Put(n, 0, n)
		kv.Put(n, n)
	}
	apply(t, s)
	s.Abort()
	c := count(s)
	for n := range int64(2 * loadMax) {
		if _, ok := w.Get(n, 0); ok != (n < loadMax) {
			t.Fatalf("window row %d: %v", n, ok)
		}
		if _, ok := kv.Get(n); ok != (n < loadMax) {
			t.Fatalf("row %d: %v", n, ok)
		}
	}
	c.want(t, "a walk for each store", 0, 2)
	for range kv.All() {
	}
	for range w.All(0, 0) {
	}
	c.want(t, "reading all", 0, 0)
}

func TestMissInALargeStoreIsAskedOnce(t *testing.T) {
	s := openAt(t, nil)
	kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.Int64(), serde.Int64())
	for n := range int64(loadMax + 10) {
		kv.Put(n, n)
	}
	apply(t, s)
	s.Abort()
	kv.Get(0)
	c := count(s)
	for range 3 {
		kv.Get(loadMax + 5)
		kv.Get(-5)
		kv.Put(-6, 1) // without reading
		kv.Delete(loadMax + 6)
	}
	c.want(t, "one there and one not", 2, 0)
}

// Completeness ends with an eviction and with an abort.
func TestEvictionEndsCompleteness(t *testing.T) {
	s := openAt(t, nil)
	s.shared.budget = 1
	kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.Int64(), serde.Int64())
	for n := range int64(1000) {
		kv.Put(n, n)
	}
	s.Trim()
	if !s.shared.Over() {
		t.Fatal("dirty rows were evicted")
	}
	c := count(s)
	for n := range int64(1000) {
		if v, ok := kv.Get(n); !ok || v != n {
			t.Fatalf("row %d: %d %v", n, v, ok)
		}
	}
	c.want(t, "dirty rows", 0, 0)
	apply(t, s)
	c = count(s)
	s.Trim()
	if held := s.stores[0].held(); held > 2000 {
		t.Errorf("%d bytes are held after eviction", held)
	}
	for n := range int64(1000) {
		if v, ok := kv.Get(n); !ok || v != n {
			t.Fatalf("row %d: %d %v", n, v, ok)
		}
	}
	if c.gets < 900 {
		t.Errorf("only %d of 1000 rows were evicted", c.gets)
	}
}

// Whole windows go first, the longest unused before the others.
func TestIdleWindowsGoFirst(t *testing.T) {
	s := openAt(t, nil)
	w := OpenWindow(s, Definition{Name: "w"}, serde.Int64(), serde.Int64())
	const windows, rows = 10, 200
	for start := range record.Time(windows) {
		for n := range int64(rows) {
			w.Put(n, start, n)
		}
	}
	apply(t, s)
	held := s.stores[0].held()
	s.shared.budget = 1 << 40
	for start := record.Time(windows - 1); start >= 0; start-- { // 0 is used last
		s.Trim()
		w.Get(1, start)
	}
	s.shared.budget = held * 8 / 10 // less 10 % of it are to go: about 3 windows
	s.Trim()
	if s.shared.Over() {
		t.Error("still over the budget")
	}
	c := count(s)
	for start := range record.Time(windows) {
		w.Get(1, start)
		evicted := c.walks > 0
		if want := start >= windows-4; evicted && !want || !evicted && start >= windows-2 {
			t.Errorf("window %d was evicted: %v", start, evicted)
		}
		c.walks, c.gets = 0, 0
	}
}

// The hand of the clock passes over rows that were used since it last came by.
func TestUsedRowsStay(t *testing.T) {
	s := openAt(t, nil)
	kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.Int64(), serde.String())
	const rows = 4000
	for n := range int64(rows) {
		kv.Put(n, fmt.Sprint(n))
	}
	apply(t, s)
	s.shared.budget = s.stores[0].held() * 9 / 10
	s.Trim() // all have been used: about a fifth goes
	const hot = 500
	for range 5 {
		for n := range int64(hot) {
			kv.Get(n)
		}
		for n := range int64(rows) { // what comes back is used too, so look at the hot ones last
			if n%7 == 0 {
				kv.Get(n)
			}
		}
		s.shared.budget = s.stores[0].held() * 9 / 10
		for n := range int64(hot) {
			kv.Get(n)
		}
		s.Trim()
	}
	c := count(s)
	for n := range int64(hot) {
		kv.Get(n)
	}
	if c.gets > hot/20 {
		t.Errorf("%d of %d rows that are used all the time were evicted", c.gets, hot)
	}
}

// Rows known to be absent do not pile up.
func TestDeletedRowsLeaveTheCache(t *testing.T) {
	s := openAt(t, nil)
	kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.Int64(), serde.Int64())
	for n := range int64(100_000) {
		kv.Put(n, n)
		kv.Delete(n - 10)
		if n%100 == 0 {
			apply(t, s)
		}
	}
	if held := s.stores[0].held(); held > 100_000 {
		t.Errorf("ten rows take %d bytes", held)
	}
}

// A range over few keys does not cost what all keys cost: it copies no more than the rows of the
// range.
func TestRangeIsNotLinearInTheStore(t *testing.T) {
	s := openAt(t, nil)
	kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.Int64(), serde.Int64())
	for n := range int64(100_000) {
		kv.Put(n, n)
	}
	for range kv.Scan(Between[int64](5, 6)) { // makes the index
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	for range kv.Scan(Between[int64](50_000, 50_010)) {
		n++
	}
	runtime.ReadMemStats(&after)
	index := s.stores[0].(*cache[int64, int64]).segments[0].index
	if apply(t, s); index.Len() != 0 {
		t.Errorf("%d of 100000 keys are in the index of what is not applied after all was", index.Len())
	}
	if got := after.TotalAlloc - before.TotalAlloc; n != 11 || got > 100_000 {
		t.Errorf("a range of %d rows, want 11, allocates %d bytes", n, got)
	}
}
