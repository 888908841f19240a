package pitwheel_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// Rows of processors' own stores may have any key, so that they stand in any partition, and are found
// wherever they are.
func TestQueriesOfProcessorsStores(t *testing.T) {
	b := newBroker(t, 3, "words", "counts")
	builder := topology.NewBuilder()
	rows := builder.KeyValueStore("rows", serde.String(), serde.String())
	windows := builder.WindowStore("windows", serde.String(), serde.String(), 10*time.Millisecond, time.Hour)
	versions := builder.VersionedStore("versions", serde.String(), serde.String(), time.Hour)
	builder.Stream(words).Process(func(c *processor.Context[string, int64]) (processor.Func[string, string], error) {
		rows, windows, versions := rows.In(c), windows.In(c), versions.In(c)
		return func(r record.Record[string, string]) error {
			rows.Put(r.Value(), r.Key())
			windows.Put(r.Value(), r.Time(), r.Key())
			versions.Put(r.Value(), r.Key(), r.Time())
			return nil
		}, nil
	}, rows, windows, versions)
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	b.produce("words", 60, func(i int) (string, string) { return fmt.Sprint("k", i%20), fmt.Sprint("v", i%20) })
	app, stop := start(t, plan, b.config(t))
	ctx := context.Background()
	await(t, "all rows", func() bool {
		for i := range 20 {
			v, _, err := app.Versioned(versions).Get(ctx, fmt.Sprint("v", i))
			if err != nil || v.From != record.Time(40+i) {
				return false
			}
		}
		return true
	})
	for i := range 20 {
		key, want := fmt.Sprint("v", i), fmt.Sprint("k", i)
		if got, ok, err := app.KeyValue(rows).Get(ctx, key); got != want || !ok || err != nil {
			t.Errorf("%s is %q, %v, %v", key, got, ok, err)
		}
		var starts []record.Time
		for e, err := range app.Window(windows).Range(ctx, key, 0, 50) {
			if err != nil || e.Value != want {
				t.Errorf("%v, %v", e, err)
			}
			starts = append(starts, e.Key.Start)
		}
		at := []record.Time{record.Time(i), record.Time(20 + i), record.Time(40 + i)}
		if i > 10 {
			at = at[:2]
		}
		if diff := cmp.Diff(at, starts); diff != "" {
			t.Errorf("windows of %s: -want +got\n%s", key, diff)
		}
		history, err := app.Versioned(versions).History(ctx, key, 25, 30+record.Time(i))
		if err != nil || len(history) == 0 || history[len(history)-1].Value != want {
			t.Errorf("the history of %s is %v, %v", key, history, err)
		}
	}
	if _, ok, err := app.KeyValue(rows).Get(ctx, "nobody's"); ok || err != nil {
		t.Errorf("a key without a row: %v, %v", ok, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Where a function of the user's chooses partitions, the others are asked too.
func TestQueriesWithAPartitioner(t *testing.T) {
	b := newBroker(t, 3, "words", "counts")
	builder := topology.NewBuilder()
	handle := builder.Stream(words).
		RepartitionBy(func(_, _ string, n int) int { return n - 1 }, topology.Name("all-in-one")).
		GroupByKey().Count(topology.As("counted")).Store()
	plan, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	b.produce("words", 100, keyOf(10))
	app, stop := start(t, plan, b.config(t))
	reader := app.KeyValue(handle)
	await(t, "all counts", func() bool {
		for i := range 10 {
			if n, _, err := reader.Get(context.Background(), fmt.Sprint("k", i)); n != 10 || err != nil {
				return false
			}
		}
		return true
	})
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Standbys answer for tasks that are elsewhere, if asked to and not too far behind.
func TestQueriesFromStandbys(t *testing.T) {
	b := newBroker(t, 4, "words", "counts")
	plan, handle := keyCounts(t, nothing)
	instance := func(name string) (*pitwheel.App, func() error) {
		c := b.config(t)
		c.InstanceID, c.LeaveOnStop, c.Standbys = name, true, 1
		c.StateDir = filepath.Join(t.TempDir(), name)
		return start(t, plan, c)
	}
	const keys = 100
	want := map[string]int64{}
	for n := range keys {
		want[fmt.Sprintf("k%d", n)] = 5
	}
	b.produce("words", 5*keys, keyOf(keys))
	one, stopOne := instance("one")
	await(t, "all counts on one instance", func() bool {
		rows, errs := allRows(one.KeyValue(handle))
		return len(errs) == 0 && maps.Equal(rows, want)
	})
	two, stopTwo := instance("two")
	await(t, "each instance to have all rows, its own and its standbys'", func() bool {
		for _, app := range []*pitwheel.App{one, two} {
			rows, errs := allRows(app.KeyValue(handle, pitwheel.FromStandbys(0)))
			own, away := allRows(app.KeyValue(handle))
			if len(errs) > 0 || !maps.Equal(rows, want) || len(own) == keys || len(away) == 0 {
				return false
			}
			for _, err := range away {
				if !errors.Is(err, store.ErrNotHere) {
					return false
				}
			}
		}
		return true
	})
	if _, errs := allRows(two.KeyValue(handle, pitwheel.FromStandbys(-1))); len(errs) == 0 || !errors.Is(errs[0], store.ErrNotHere) {
		t.Errorf("a copy that is too far behind is asked: %v", errs)
	}
	for _, stop := range []func() error{stopTwo, stopOne} {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}
