package reactor

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
)

// raws are records of these offsets, one byte of value each.
func raws(offsets ...int64) []record.Raw {
	all := make([]record.Raw, 0, len(offsets))
	for _, at := range offsets {
		all = append(all, record.Raw{Key: []byte("k"), Value: []byte("v"), Time: record.Time(at), Offset: at})
	}
	return all
}

// drain pops all records and returns their offsets.
func (in *input) drain() []int64 {
	var offsets []int64
	for in.hasHead() {
		offsets = append(offsets, in.raw().Offset)
		in.pop()
	}
	return offsets
}

func TestInputHandsOutWhatItWasFedInOrder(t *testing.T) {
	in := &input{}
	in.seek(5, -1)
	in.feed(raws(5, 6), 7, 7)
	in.feed(nil, 8, 9) // a marker
	in.feed(raws(8), 9, 9)
	if diff := cmp.Diff([]int64{5, 6, 8}, in.drain()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if in.next != 9 {
		t.Errorf("position %d, want 9", in.next)
	}
}

// What is committed is next: it moves record by record, and over markers once nothing stands
// before them.
func TestPositionMovesWithWhatIsProcessed(t *testing.T) {
	in := &input{}
	in.seek(5, -1)
	steps := []struct {
		name string
		do   func()
		next int64
	}{
		{"fed", func() { in.feed(raws(5, 7), 9, 9) }, 5},
		{"first popped", in.pop, 6},
		{"a marker behind a record that waits", func() { in.feed(nil, 11, 11) }, 6},
		{"last popped", in.pop, 11},
		{"a marker alone", func() { in.feed(nil, 12, 12) }, 12},
		{"the next record", func() { in.feed(raws(12), 13, 13) }, 12},
		{"popped", in.pop, 13},
	}
	for _, step := range steps {
		step.do()
		if in.next != step.next {
			t.Fatalf("%s: position %d, want %d", step.name, in.next, step.next)
		}
	}
}

func TestRecordsBeforeThePositionAreDropped(t *testing.T) {
	in := &input{}
	in.seek(10, -1)
	in.feed(raws(7, 8, 9, 10, 11), 12, 12)
	in.feed(raws(10, 11), 12, 12) // fetched twice
	in.feed(raws(11, 12), 13, 13)
	in.feed(raws(3), 4, 4) // from before a move of the position
	if in.fetched != 13 || in.end != 13 {
		t.Errorf("fetched %d of %d, want 13 of 13", in.fetched, in.end)
	}
	if diff := cmp.Diff([]int64{10, 11, 12}, in.drain()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSeekForgetsEverything(t *testing.T) {
	in := &input{}
	in.seek(5, -1)
	in.feed(raws(5, 6, 7), 8, 8)
	in.pop()
	in.loaded, in.loadedAt = true, 6
	in.seek(2, 1)
	if in.hasHead() || in.loaded || in.bytes != 0 || in.next != 2 || in.fetched != 2 || in.time != 1 {
		t.Errorf("after seek: %+v", in)
	}
	in.feed(raws(2, 3), 4, 8)
	if diff := cmp.Diff([]int64{2, 3}, in.drain()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCaughtUpIsFetchedToTheStableEnd(t *testing.T) {
	tests := []struct {
		fetched, end int64
		want         bool
	}{
		{0, 0, true}, {5, 6, false}, {6, 6, true}, {7, 6, true},
	}
	for _, tt := range tests {
		in := &input{fetched: tt.fetched, end: tt.end}
		if got := in.caughtUp(); got != tt.want {
			t.Errorf("at %d of %d: caughtUp %v, want %v", tt.fetched, tt.end, got, tt.want)
		}
	}
}

// An answer of a broker that is behind must not take back what is known.
func TestEndNeverGoesBack(t *testing.T) {
	in := &input{}
	in.feed(nil, 1, 100)
	in.feed(nil, 2, -1)
	if in.end != 100 {
		t.Errorf("end %d, want 100", in.end)
	}
}

// A model: the input is a queue of offsets, its bytes are those of what is in it.
func TestInputIsAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := &input{}
		start := rapid.Int64Range(0, 5).Draw(t, "start")
		in.seek(start, -1)
		var queue []int64
		next, fetched := start, start
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if len(queue) > 0 && rapid.Bool().Draw(t, "pop") {
				if in.raw().Offset != queue[0] {
					t.Fatalf("head %d, want %d", in.raw().Offset, queue[0])
				}
				next = queue[0] + 1
				queue = queue[1:]
				in.pop()
			} else {
				first := rapid.Int64Range(max(0, fetched-3), fetched).Draw(t, "first")
				var offsets []int64
				at := first
				for range rapid.IntRange(0, 4).Draw(t, "records") {
					offsets = append(offsets, at)
					at += rapid.Int64Range(1, 3).Draw(t, "gap")
				}
				in.feed(raws(offsets...), at, at)
				for _, offset := range offsets {
					if offset >= fetched {
						queue = append(queue, offset)
					}
				}
				fetched = max(fetched, at)
			}
			if len(queue) == 0 {
				next = fetched
			}
			bytes := 0
			for _, raw := range raws(queue...) {
				bytes += raw.Size()
			}
			if in.next != next || in.fetched != fetched || in.bytes != bytes || in.hasHead() != (len(queue) > 0) {
				t.Fatalf("next %d, fetched %d, bytes %d, head %v; want %d, %d, %d, %v",
					in.next, in.fetched, in.bytes, in.hasHead(), next, fetched, bytes, len(queue) > 0)
			}
		}
	})
}

// TestBatchesAreHandedBackOnceProcessed feeds two batches; an aborted one is nobody's.
func TestBatchesAreHandedBackOnceProcessed(t *testing.T) {
	var done []int
	in := &input{done: func(records []record.Raw) { done = append(done, len(records)) }}
	in.feed(make([]record.Raw, 2), 2, 2)
	in.feed([]record.Raw{{Offset: 2}}, 3, 3)
	for i, want := range [][]int{nil, {2}, {2, 1}} {
		in.pop()
		if diff := cmp.Diff(want, done); diff != "" {
			t.Errorf("after %d records: %s", i+1, diff)
		}
	}
	in.feed(make([]record.Raw, 2), 5, 5)
	in.seek(0, -1)
	if len(done) != 2 {
		t.Errorf("what was dropped was handed back: %v", done)
	}
}
