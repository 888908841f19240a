package streamtest_test

import (
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

func TestKeyValueViewReadsAllPartitions(t *testing.T) {
	var table topology.Table[string, int64]
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		table = b.Stream(in).GroupByKey().Count(topology.As("seen"))
	}), streamtest.Partitions(4))
	v := d.KeyValue(table.Store())
	if _, ok := v.Get("k1"); ok {
		t.Error("an empty store has a row")
	}
	for n := range 30 {
		d.Input(in).Pipe("k"+strconv.Itoa(n%10), "v", record.Time(n))
	}
	if e, ok := v.Entry("k3"); !ok || e != (store.Entry[string, int64]{Key: "k3", Value: 3, Time: 23}) {
		t.Errorf("Entry gave %v, %v", e, ok)
	}
	var keys, between []string
	for k, n := range v.All() {
		keys = append(keys, k)
		if n != 3 {
			t.Errorf("%s has %d, want 3", k, n)
		}
	}
	for k := range v.Scan(store.Between("k2", "k4")) {
		between = append(between, k)
	}
	times := 0
	for e := range v.Entries() {
		if e.Time < 20 {
			t.Errorf("%v is of an older record", e)
		}
		times++
	}
	slices.Sort(keys)
	slices.Sort(between)
	if len(keys) != 10 || len(slices.Compact(keys)) != 10 || times != 10 {
		t.Errorf("All gave %q, Entries %d rows", keys, times)
	}
	if want := []string{"k2", "k3", "k4"}; !slices.Equal(between, want) {
		t.Errorf("Scan gave %q, want %q", between, want)
	}
	for range v.All() {
		break // the view stops where the loop does
	}
}

func TestWindowViewReadsAllPartitions(t *testing.T) {
	w := windowing.Tumbling(10 * time.Millisecond).Grace(time.Hour)
	var table topology.WindowedTable[string, int64]
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		table = b.Stream(in).GroupByKey().WindowedBy(w).Count(topology.As("seen"))
	}), streamtest.Partitions(4))
	for n := range 60 {
		d.Input(in).Pipe("k"+strconv.Itoa(n%6), "v", record.Time(n))
	}
	v := d.Window(table.Store())
	key := windowing.Key[string]{Key: "k1", Start: 20, End: 30}
	want := store.Entry[windowing.Key[string], int64]{Key: key, Value: 1, Time: 25}
	if e, ok := v.Entry("k1", 20); !ok || e != want {
		t.Errorf("Entry gave %v, %v", e, ok)
	}
	if n, ok := v.Get("k1", 20); !ok || n != 1 {
		t.Errorf("Get gave %d, %v", n, ok)
	}
	if _, ok := v.Get("k1", 25); ok {
		t.Error("there is a window that starts at 25")
	}
	var starts []record.Time
	for k := range v.Range("k1", 10, 40) {
		starts = append(starts, k.Start)
	}
	if want := []record.Time{10, 20, 30, 40}; !slices.Equal(starts, want) {
		t.Errorf("Range gave %v, want %v", starts, want)
	}
	all, total := 0, int64(0)
	for _, n := range v.All(0, math.MaxInt64) {
		all++
		total += n
	}
	entries := 0
	for e := range v.Entries(50, 59) {
		if e.Key.Start != 50 || e.Time < 50 {
			t.Errorf("%v is not of that window", e)
		}
		entries++
	}
	if all != 36 || total != 60 || entries != 6 {
		t.Errorf("All gave %d windows of %d records, Entries %d of the last start", all, total, entries)
	}
}

// A window whose aggregate is null is not there, but its start moves the retention all the same, as
// in Kafka Streams: also when the store comes back from its changelog.
func TestNullWindowMovesTheRetention(t *testing.T) {
	type maybe = serde.Null[string]
	w := windowing.Tumbling(10 * time.Millisecond)
	nullable := topology.NewTopic("in", serde.String(), serde.Nullable(serde.String()))
	var table topology.WindowedTable[string, maybe]
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		table = b.Stream(nullable).GroupByKey().WindowedBy(w).Reduce(func(_ string, _, v maybe) maybe { return v })
	}))
	i, v := d.Input(nullable), d.Window(table.Store())
	i.Pipe("k", record.Valid("v"), 5)
	if _, ok := v.Get("k", 0); !ok {
		t.Fatal("the window is not there")
	}
	i.Pipe("k", maybe{}, 15)
	for range 2 {
		for k := range v.All(0, math.MaxInt64) {
			t.Errorf("%v is still there", k)
		}
		d.Restart()
	}
}
