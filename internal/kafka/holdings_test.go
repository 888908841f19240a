package kafka

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
)

func TestLevelsAreCoarse(t *testing.T) {
	tests := []struct {
		missing  int64
		level    Level
		caughtUp bool
	}{{-1, 0, true}, {0, 0, true}, {1, 1, true}, {2, 2, true}, {3, 2, true}, {8191, 13, true}, {8192, 14, false}, {1 << 40, 41, false}}
	for _, tt := range tests {
		if got := LevelOf(tt.missing); got != tt.level || got.CaughtUp() != tt.caughtUp {
			t.Errorf("%d missing: level %d, caught up %v", tt.missing, got, got.CaughtUp())
		}
	}
	if unknownLevel.CaughtUp() {
		t.Error("a member that does not say is caught up")
	}
}

func TestHoldingsReadBack(t *testing.T) {
	var h Holdings
	h.Set(record.TaskID{Subtopology: 1, Partition: 2}, Holding{Level: 5, Warm: true})
	h.Set(record.TaskID{Subtopology: 1, Partition: 0}, Holding{})
	got := DecodeHoldings(h.Encode())
	if diff := cmp.Diff(h, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, never := range []record.TaskID{{Subtopology: 0, Partition: 0}, {Subtopology: 1, Partition: 1}, {Subtopology: 1, Partition: 3}, {Subtopology: 2}} {
		if of := got.Of(never); of != (Holding{Level: unknownLevel}) {
			t.Errorf("task %v, which was not set: %+v", never, of)
		}
	}
	want := []byte{1, 2, 0, 3, 0, 64, 0x85}
	if !bytes.Equal(h.Encode(), want) {
		t.Errorf("encoded as % x, want % x", h.Encode(), want)
	}
}

// What is not ours says nothing, whatever it is.
func TestForeignUserDataSaysNothing(t *testing.T) {
	whole := Holdings{{{Level: 1}, {Level: 2}}}.Encode()
	foreign := map[string][]byte{
		"none": nil, "another version": append([]byte{2}, whole[1:]...), "more behind it": append(bytes.Clone(whole), 0),
		"a count that cannot be": {1, 0xff, 0xff, 0xff, 0xff, 0x0f}, "an endless count": {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	}
	for n := 1; n < len(whole); n++ {
		foreign["cut"] = whole[:n]
		for name, data := range foreign {
			if got := DecodeHoldings(data); got != nil {
				t.Errorf("%s: % x was read as %v", name, data, got)
			}
		}
	}
}

func TestStandbysReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Standby
		for range rapid.IntRange(0, 5).Draw(t, "standbys") {
			all = append(all, Standby{
				Task: record.TaskID{Subtopology: rapid.Int32Min(0).Draw(t, "subtopology"), Partition: rapid.Int32Min(0).Draw(t, "partition")},
				Next: rapid.Bool().Draw(t, "next"),
			})
		}
		if diff := cmp.Diff(all, decodeStandbys(encodeStandbys(all))); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// FuzzUserData reads what other members may send: it must never fail, and what was understood reads
// the same once written again.
func FuzzUserData(f *testing.F) {
	f.Add(Holdings{{{Level: 3, Warm: true}}, nil, {{Level: 64}}}.Encode())
	f.Add(encodeStandbys([]Standby{{Task: record.TaskID{Subtopology: 300, Partition: 7}, Next: true}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if h := DecodeHoldings(data); h != nil {
			if again := DecodeHoldings(h.Encode()); !cmp.Equal(h, again) {
				t.Errorf("% x: %v, then %v", data, h, again)
			}
		}
		if all := decodeStandbys(data); all != nil {
			if again := decodeStandbys(encodeStandbys(all)); !cmp.Equal(all, again) {
				t.Errorf("% x: %v, then %v", data, all, again)
			}
		}
	})
}
