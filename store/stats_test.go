package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/serde"
)

// TestStatsCountLookups opens a space twice: what was written before is not in the cache at first, and
// that a key is absent is known from the second look-up on.
func TestStatsCountLookups(t *testing.T) {
	dir := t.TempDir()
	shared := NewShared(0, 0)
	defer func() {
		if err := shared.Close(); err != nil {
			t.Error(err)
		}
	}()
	open := func() (*Space, *KeyValueStore[string, int64]) {
		s, err := OpenSpace(SpaceConfig{Dir: dir, Shared: shared})
		if err != nil {
			t.Fatal(err)
		}
		return s, OpenKeyValue(s, Definition{Name: "kv"}, serde.String(), serde.Int64())
	}
	s, kv := open()
	for _, key := range []string{"a", "b", "c"} {
		kv.Put(key, 1)
	}
	if err := s.Apply(s.Freeze(), Checkpoint{Seq: 1}); err != nil {
		t.Fatal(err)
	}
	if d := s.Disk(); d.UnflushedBytes == 0 || d.MemTableBytes == 0 || d.TableBytes != 0 {
		t.Errorf("before the flush: %+v", d)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if d := s.Disk(); d.UnflushedBytes != 0 || d.TableBytes == 0 {
		t.Errorf("after the flush: %+v", d)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d := s.Disk(); d != (DiskStats{}) {
		t.Errorf("after the end: %+v", d)
	}

	s, kv = open()
	for range 3 {
		for _, key := range []string{"a", "b", "none"} {
			kv.Get(key)
		}
	}
	got := s.Stats()
	if got[0].CacheBytes <= 0 {
		t.Errorf("%d bytes", got[0].CacheBytes)
	}
	got[0].CacheBytes = 0
	if got[0].CacheHits+got[0].CacheMisses != 9 || got[0].CacheMisses > 3 {
		t.Errorf("%d hits, %d misses of 9 look-ups of 3 keys", got[0].CacheHits, got[0].CacheMisses)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if shared.BlockBytes() < 0 || shared.Budget() != DefaultCacheBytes {
		t.Errorf("block cache %d, budget %d", shared.BlockBytes(), shared.Budget())
	}
}

// A write to a window past its retention is counted.
func TestStatsCountExpiredWrites(t *testing.T) {
	s, err := OpenSpace(SpaceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	w := OpenWindow(s, Definition{Name: "w", WindowSize: time.Second, Retention: 2 * time.Second}, serde.String(), serde.Int64())
	w.Put("k", 10_000, 1)
	w.Put("k", 1000, 1)
	want := []StoreStats{{Name: "w", Expired: 1}}
	got := s.Stats()
	got[0].CacheBytes, got[0].CacheHits, got[0].CacheMisses = 0, 0, 0
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
