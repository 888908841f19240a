package store

import (
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// crashState is what the stores of the crash test hold: key-value rows and rows by window.
type crashState struct {
	counts  map[string]int64
	windows map[string]string
}

type crashStores struct {
	space   *Space
	counts  *KeyValueStore[string, int64]
	windows *WindowStore[string, string]
}

const crashRetention = 50

func openCrash(t *testing.T, disk FS) crashStores {
	t.Helper()
	s, err := OpenSpace(SpaceConfig{
		Dir: "state", FS: disk, Logger: slog.New(slog.DiscardHandler), memTable: 64 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	return crashStores{
		s,
		OpenKeyValue(s, Definition{Name: "counts"}, serde.String(), serde.Int64()),
		OpenWindow(s, Definition{Name: "windows", Retention: crashRetention * time.Millisecond}, serde.String(), serde.String()),
	}
}

func windowName(key string, start record.Time) string { return fmt.Sprint(key, "@", start) }

func (c crashStores) read() crashState {
	s := crashState{counts: maps.Collect(c.counts.All()), windows: map[string]string{}}
	for k, v := range c.windows.All(0, 1<<40) {
		s.windows[windowName(k.Key, k.Start)] = v
	}
	return s
}

// TestCrashLeavesAPrefix applies commits while Pebble flushes and compacts in the background, and
// takes images of the disk as crashes at any moment would leave them, with any part of what was
// not synced. Each comes back as it was after some commit, not before the last Flush, and says
// after which: rows, deletions, expiry and the highest start together.
func TestCrashLeavesAPrefix(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	disk := vfs.NewCrashableMem()
	c := openCrash(t, disk)
	defer c.space.Close()
	history := []crashState{c.read()}
	flushed, ahead, images := int64(0), 0, 0
	for seq := int64(1); seq <= 1500; seq++ {
		for range 1 + rnd.IntN(20) {
			key := fmt.Sprint("key", rnd.IntN(200))
			start := record.Time(seq/10 - int64(rnd.IntN(crashRetention)))
			if rnd.IntN(4) == 0 {
				c.counts.Delete(key)
				c.windows.Delete(key, start)
				continue
			}
			c.counts.Put(key, seq)
			c.windows.Put(key, start, strings.Repeat("x", rnd.IntN(400)))
		}
		f := c.space.Freeze()
		want := c.read()
		if err := c.space.Apply(f, Checkpoint{Seq: seq}); err != nil {
			t.Fatal(err)
		}
		history = append(history, want)
		if rnd.IntN(200) == 0 {
			if err := c.space.Flush(); err != nil {
				t.Fatal(err)
			}
			flushed = seq
		}
		if rnd.IntN(4) > 0 {
			continue
		}
		images++
		image := openCrash(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rnd.IntN(101), RNG: rnd}))
		at := image.space.Checkpoint().Seq
		if at < flushed || at > seq {
			t.Fatalf("after commit %d, flushed at %d, a crash leaves commit %d", seq, flushed, at)
		}
		if at > flushed {
			ahead++
		}
		got := image.read()
		if want := history[at]; !maps.Equal(got.counts, want.counts) || !maps.Equal(got.windows, want.windows) {
			t.Fatalf("a crash after commit %d left commit %d with other rows:\n%v\nwant\n%v", seq, at, got, want)
		}
		if err := image.space.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d images, %d of them ahead of the last Flush", images, ahead)
	if images < 200 || ahead < images/10 {
		t.Errorf("%d images, %d of them ahead of the last Flush: the test tests too little", images, ahead)
	}
}
