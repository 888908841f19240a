package streamtest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// keeping keeps each record in a window store and in a versioned one; a value "-" deletes.
func keeping(
	windows store.WindowRef[string, string], versions store.VersionedRef[string, string],
) processor.Setup[string, string, string, string] {
	return func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
		windows, versions := windows.In(c), versions.In(c)
		return func(r record.Record[string, string]) error {
			if r.Value() == "-" {
				windows.Delete(r.Key(), r.Time())
				versions.Delete(r.Key(), r.Time())
				return nil
			}
			windows.Put(r.Key(), r.Time(), r.Value())
			versions.Put(r.Key(), r.Value(), r.Time())
			return nil
		}, nil
	}
}

// keptIn builds a topology with both kinds of stores.
func keptIn(t *testing.T, opts ...topology.StateOption) (
	d *streamtest.Driver, windows streamtest.WindowView[string, string], versions streamtest.VersionedView[string, string],
) {
	t.Helper()
	var w store.WindowRef[string, string]
	var v store.VersionedRef[string, string]
	plan := build(t, func(b *topology.Builder) {
		w = b.WindowStore("windows", serde.String(), serde.String(), 10*time.Millisecond, 30*time.Millisecond, opts...)
		v = b.VersionedStore("versions", serde.String(), serde.String(), 30*time.Millisecond, opts...)
		b.Stream(in).Process(keeping(w, v), w, v)
	})
	d = streamtest.New(t, plan, streamtest.Partitions(2))
	windows, versions = d.Window(w), d.Versioned(v)
	return d, windows, versions
}

// What processors keep by window and by version is there again after a restart, from the changelogs.
func TestWindowsAndVersionsComeBack(t *testing.T) {
	d, windows, versions := keptIn(t)
	for i, r := range []struct {
		value string
		at    record.Time
	}{{"one", 100}, {"three", 120}, {"two", 110}, {"-", 115}, {"four", 125}, {"-", 126}, {"five", 130}} {
		for _, key := range []string{"a", "b"} {
			d.Input(in).Pipe(key, r.value, r.at)
		}
		if i%3 == 2 {
			d.Restart()
		}
		check := func() {
			t.Helper()
			if i < 6 {
				return
			}
			var starts []string
			for k, v := range windows.Range("a", 0, 1000) {
				starts = append(starts, fmt.Sprint(int64(k.Start), v))
			}
			if want := []string{"110two", "120three", "125four", "130five"}; !slices.Equal(starts, want) {
				t.Errorf("windows %q, want %q", starts, want)
			}
			want := []store.Version[string]{
				{Value: "one", From: 100, To: 110}, {Value: "two", From: 110, To: 115},
				{Value: "three", From: 120, To: 125}, {Value: "four", From: 125, To: 126}, {Value: "five", From: 130, To: store.EndOfTime},
			}
			if diff := cmp.Diff(want, slices.Collect(versions.History("b", 0, 1000))); diff != "" {
				t.Errorf("versions: -want +got\n%s", diff)
			}
			if v, ok := versions.AsOf("a", 116); ok {
				t.Errorf("as of 116 there is %v, want nothing", v)
			}
			if v, ok := versions.Get("a"); !ok || v.Value != "five" {
				t.Errorf("the latest is %v, %v", v, ok)
			}
		}
		check()
		d.Restart()
		check()
	}
	if _, ok := windows.Get("a", 100); ok {
		t.Error("a window beyond the retention is there")
	}
	if e, ok := windows.Entry("b", 125); !ok || e.Time != 125 || e.Key != (windowing.Key[string]{Key: "b", Start: 125, End: 135}) {
		t.Errorf("entry %v, %v", e, ok)
	}
}

// A write that a store refuses is counted, and is not in the changelog: see docs/deviations.md.
func TestRefusedWritesAreCountedAndNotLogged(t *testing.T) {
	d, _, versions := keptIn(t, topology.InMemory())
	d.Input(in).Pipe("a", "now", 1000)
	logged := len(d.Written("app-windows-changelog")) + len(d.Written("app-versions-changelog"))
	d.Input(in).Pipe("a", "too late", 969)
	d.Input(in).Pipe("a", "-", 969)
	if got := d.Dropped(string(processor.Expired)); got != 4 {
		t.Errorf("%d writes are counted as expired, want 4", got)
	}
	if got := len(d.Written("app-windows-changelog")) + len(d.Written("app-versions-changelog")); got != logged {
		t.Errorf("%d changelog records, want %d as before", got, logged)
	}
	d.Input(in).Pipe("a", "just in time", 970)
	if got := d.Dropped(string(processor.Expired)); got != 5 { // a window is there while its start is above 970
		t.Errorf("%d writes are counted as expired, want 5", got)
	}
	if v, ok := versions.AsOf("a", 971); !ok || v.Value != "just in time" {
		t.Errorf("as of 971 there is %v, %v", v, ok)
	}
}
