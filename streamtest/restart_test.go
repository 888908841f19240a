package streamtest_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

func TestRestartKeepsWhatHasAChangelog(t *testing.T) {
	w := windowing.Tumbling(10 * time.Millisecond).Grace(time.Hour)
	var (
		persistent, memory, unlogged topology.Table[string, int64]
		windows                      topology.WindowedTable[string, int64]
	)
	plan := build(t, func(b *topology.Builder) {
		s := b.Stream(in)
		persistent = s.GroupByKey().Count(topology.As("persistent"))
		memory = s.GroupBy(func(_, v string) string { return v }).Count(topology.As("memory"), topology.InMemory())
		unlogged = s.GroupByKey().Count(topology.As("unlogged"), topology.NoChangelog())
		windows = s.GroupByKey().WindowedBy(w).Count(topology.As("windows"))
	})
	d := streamtest.New(t, plan, streamtest.Partitions(3))
	i := d.Input(in)
	for n := range 60 {
		i.Pipe("k"+strconv.Itoa(n%10), "v"+strconv.Itoa(n%3), record.Time(n))
	}
	for range 2 { // the second is from state that was itself restored
		d.Restart()
		for name, want := range map[string]struct{ got, want int64 }{
			"persistent": {get(d.KeyValue(persistent.Store()).Get("k7")), 6},
			"memory":     {get(d.KeyValue(memory.Store()).Get("v1")), 20},
			"unlogged":   {get(d.KeyValue(unlogged.Store()).Get("k7")), 0},
			"windows":    {get(d.Window(windows.Store()).Get("k7", 50)), 1},
		} {
			if want.got != want.want {
				t.Errorf("store %s has %d, want %d", name, want.got, want.want)
			}
		}
	}
	i.Pipe("k7", "v1", 60)
	if n := get(d.KeyValue(persistent.Store()).Get("k7")); n != 7 {
		t.Errorf("the next record makes %d, want 7", n)
	}
	e, _ := d.KeyValue(persistent.Store()).Entry("k8")
	if e.Time != 58 {
		t.Errorf("the row's time is %d, want 58", e.Time)
	}
}

func get(n int64, _ bool) int64 { return n }

func TestRestartKeepsDeletions(t *testing.T) {
	var last topology.Table[string, serde.Null[string]]
	nullable := topology.NewTopic("in", serde.String(), serde.Nullable(serde.String()))
	plan := build(t, func(b *topology.Builder) {
		last = b.Stream(nullable).GroupByKey().Reduce(
			func(_ string, _, v serde.Null[string]) serde.Null[string] {
				v.Valid = v.V != "delete"
				return v
			}, topology.As("last"))
	})
	d := streamtest.New(t, plan)
	i := d.Input(nullable)
	i.Pipe("gone", record.Valid("x"), 0)
	i.Pipe("kept", record.Valid("x"), 0)
	i.Pipe("gone", record.Valid("delete"), 0)
	d.Restart()
	rows := d.KeyValue(last.Store())
	if _, ok := rows.Get("gone"); ok {
		t.Error("the deleted row is back")
	}
	if v, ok := rows.Get("kept"); !ok || v.V != "x" {
		t.Errorf("the other row is %v", v)
	}
}

// A restart neither loses the windows that are open nor emits one twice that was closed.
func TestRestartKeepsWhatWasEmittedOnClose(t *testing.T) {
	w := windowing.Tumbling(10 * time.Millisecond)
	closed := topology.NewTopic("closed", w.KeySerde(serde.String()), serde.Int64())
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		b.Stream(in).GroupByKey().WindowedBy(w).EmitOnClose().Count().ToStream().To(closed)
	}))
	i := d.Input(in)
	for _, at := range []record.Time{1, 2, 12, 13, 14} {
		i.Pipe("k", "v", at)
		d.Restart()
	}
	i.Pipe("k", "v", 25)
	var got []string
	for _, r := range d.Output(closed).All() {
		got = append(got, r.String())
	}
	want := "k@0/10 = 2 @ 1970-01-01T00:00:00.002Z\nk@10/20 = 3 @ 1970-01-01T00:00:00.014Z"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// The record that stopped the app is taken again, exactly once in its results.
func TestRestartTakesTheRecordThatStoppedTheApp(t *testing.T) {
	broken := false
	var table topology.Table[string, int64]
	plan := build(t, func(b *topology.Builder) {
		s := b.Stream(in).GroupBy(func(_, v string) string { return v }, topology.Name("by-value"))
		table = s.Count(topology.As("seen"))
		table.ToStream().Peek(func(string, int64) {
			if broken {
				panic("broken")
			}
		}).To(counts)
	})
	d := streamtest.New(t, plan, streamtest.Partitions(2))
	i := d.Input(in)
	i.Pipe("k", "v", 1)
	broken = true
	if err := i.TryPipeRecord(record.New("k", "v", 2)); err == nil {
		t.Fatal("the app goes on")
	}
	broken = false
	d.Restart()
	i.Pipe("k", "v", 3)
	var got []int64
	for _, r := range d.Output(counts).All() {
		got = append(got, r.Value())
	}
	if len(got) != 3 || got[2] != 3 {
		t.Errorf("counted %v, want [1 2 3]", got)
	}
	if n := len(d.Written("app-by-value-repartition")); n != 3 {
		t.Errorf("the repartition topic has %d records, want 3", n)
	}
}

func TestRestartFailsTheTestIfTheAppStopsAgain(t *testing.T) {
	got := failure(t, func(tb testing.TB) {
		d, in := started(tb)
		if err := in.TryPipeRecord(badRecords["decode_value"].record); err == nil {
			t.Error("the app goes on")
		}
		d.Restart()
	})
	if !strings.Contains(got, `topic "numbers" partition 0 offset 1`) {
		t.Errorf("the test fails with %q", got)
	}
}

func TestRestartKeepsCountingDrops(t *testing.T) {
	d, in := started(t)
	in.PipeRecord(badRecords["late"].record)
	d.Restart()
	d.Input(numbers).Pipe("k", 1, 100)
	in.PipeRecord(badRecords["late"].record)
	if d.Dropped("late") != 2 {
		t.Errorf("%d were late, want 2", d.Dropped("late"))
	}
}

// A global store is what its topic says, as it was processed before.
func TestRestartFillsGlobalStoresAgain(t *testing.T) {
	b := topology.NewBuilder()
	names := b.KeyValueStore("names", serde.String(), serde.String())
	right := topology.NewTopic("right", serde.String(), serde.String())
	b.ProcessGlobal(right, func(c *processor.Task) (processor.Func[string, string], error) {
		names := names.In(c)
		return func(r record.Record[string, string]) error { names.Put(r.Key(), r.Value()); return nil }, nil
	}, names)
	b.Stream(in).Process(func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
		names := names.In(c)
		return func(r record.Record[string, string]) error {
			name, _ := names.Get(r.Key())
			c.Forward(r.WithValue(name))
			return nil
		}, nil
	}).To(out)
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, plan, streamtest.Partitions(3))
	for n := range 20 {
		d.Input(right).Pipe("k"+strconv.Itoa(n), "v"+strconv.Itoa(n), record.Time(n))
	}
	for range 2 {
		d.Restart()
		d.Input(in).Pipe("k7", "", 100)
		if got := d.Output(out).All(); len(got) != 1 || got[0].Value() != "v7" {
			t.Errorf("got %v, want v7", got)
		}
		if name, _ := d.KeyValue(names).Get("k19"); name != "v19" {
			t.Errorf("the store has %q, want v19", name)
		}
	}
}
