package pitwheel_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// named is a topology that looks each word up in a global store of names.
func named(t *testing.T, opts ...topology.StateOption) *topology.Plan {
	t.Helper()
	plan, _ := namedBy(t, opts...)
	return plan
}

func namedBy(t *testing.T, opts ...topology.StateOption) (*topology.Plan, store.KeyValueRef[string, string]) {
	t.Helper()
	b := topology.NewBuilder()
	names := b.KeyValueStore("names", serde.String(), serde.String(), opts...)
	b.ProcessGlobal(texts("names"), func(c *processor.Task) (processor.Func[string, string], error) {
		names := names.In(c)
		return func(r record.Record[string, string]) error {
			if r.IsTombstone() {
				names.Delete(r.Key())
			} else {
				names.Put(r.Key(), r.Value())
			}
			return nil
		}, nil
	}, names)
	b.Stream(words).Process(func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
		names := names.In(c)
		return func(r record.Record[string, string]) error {
			name, ok := names.Get(r.Value())
			n := 0
			for range names.All() {
				n++
			}
			c.Forward(r.WithValue(fmt.Sprintf("%s %v of %d", name, ok, n)))
			return nil
		}, nil
	}).To(texts("out"))
	return planFrom(t, b), names
}

// TestGlobalStoreIsWholeBeforeAnythingIsProcessed fills a store from a topic of several partitions, whose
// number is another than the input's, over two lives: the second goes on from what the first left.
func TestGlobalStoreIsWholeBeforeAnythingIsProcessed(t *testing.T) {
	for name, opts := range map[string][]topology.StateOption{"on disk": nil, "in memory": {topology.InMemory()}} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t, 2, "words", "out")
			b.create("names", 3, nil)
			const n = 2000
			b.produce("names", n, func(i int) (string, string) { return fmt.Sprint("w", i), fmt.Sprint("name", i) })
			b.produce("words", 100, func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprint("w", i*n/100) })
			c := b.config(t)
			_, stop := start(t, named(t, opts...), c)
			want := map[string]string{}
			for i := range 100 {
				want[fmt.Sprint(i)] = fmt.Sprintf("%x", fmt.Sprintf("name%d true of %d", i*n/100, n))
			}
			got, _ := b.latest("out", func(last map[string]string, _ int) bool { return len(last) == 100 })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			log := &logged{}
			c.Logger = log.logger()
			b.produce("names", 10, func(i int) (string, string) { return fmt.Sprint("more", i), fmt.Sprint("name", i) })
			b.produce("words", 1, func(int) (string, string) { return "last", "more9" })
			_, stop = start(t, named(t, opts...), c)
			b.latest("out", func(last map[string]string, _ int) bool {
				return last["last"] == fmt.Sprintf("%x", fmt.Sprintf("name9 true of %d", n+10))
			})
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			read := map[bool]string{true: "records=10 ", false: fmt.Sprintf("records=%d ", n+10)}[opts == nil]
			saysAll(t, log.text(), "global store filled", read)
		})
	}
}

// TestGlobalStoreFollowsItsTopic writes to the topic while the app runs; a deletion is followed too.
func TestGlobalStoreFollowsItsTopic(t *testing.T) {
	b := newBroker(t, 1, "words", "out", "names")
	plan, names := namedBy(t)
	app, stop := start(t, plan, b.config(t))
	await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
	b.produce("names", 1, func(int) (string, string) { return "w", "name" })
	asked := 0
	ask := func(want string) {
		await(t, want, func() bool {
			b.produce("words", 1, func(int) (string, string) { return "k", "w" })
			asked++
			last, _ := b.latest("out", func(_ map[string]string, n int) bool { return n == asked })
			return last["k"] == fmt.Sprintf("%x", want)
		})
	}
	ask("name true of 1")
	if name, ok, err := app.KeyValue(names).Get(t.Context(), "w"); name != "name" || !ok || err != nil {
		t.Errorf("a query gives %q, %v, %v", name, ok, err)
	}
	b.produce("names", 1, func(int) (string, string) { return "w", "" })
	ask(" true of 1")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestGlobalStoreOfANewTopicIsReadAnew makes the topic anew between two lives.
func TestGlobalStoreOfANewTopicIsReadAnew(t *testing.T) {
	b := newBroker(t, 1, "words", "out", "names")
	c := b.config(t)
	b.produce("names", 10, func(i int) (string, string) { return fmt.Sprint("w", i), "old" })
	app, stop := start(t, named(t), c)
	await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.StateDir + "/global-names"); err != nil {
		t.Error(err)
	}
	b.again("names", 0)
	b.produce("names", 20, func(i int) (string, string) { return fmt.Sprint("w", i+5), "new" })
	b.produce("words", 1, func(int) (string, string) { return "k", "w1" })
	_, stop = start(t, named(t), c)
	b.latest("out", func(last map[string]string, _ int) bool { return last["k"] == fmt.Sprintf("%x", " false of 20") })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestOldGlobalStoreIsReadAnew has a topic that keeps deletions for a moment only: local state of before may
// hold rows whose deletion is forgotten.
func TestOldGlobalStoreIsReadAnew(t *testing.T) {
	b := newBroker(t, 1, "words", "out")
	moment := "1"
	b.create("names", 1, map[string]*string{"delete.retention.ms": &moment})
	c := b.config(t)
	log := &logged{}
	c.Logger = log.logger()
	for range 2 {
		// What is there before the start is in the store once the app runs: the second life has what is old.
		b.produce("names", 10, func(i int) (string, string) { return fmt.Sprint("w", i), "name" })
		app, stop := start(t, named(t), c)
		await(t, "the app to run", func() bool { return app.State() == pitwheel.Running })
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	saysAll(t, log.text(), "local state of a global store is dropped", "keeps deletions for 1ms")
}

// TestWriteToAGlobalStoreFails has another processor write to it.
func TestWriteToAGlobalStoreFails(t *testing.T) {
	b := newBroker(t, 1, "words", "out", "names")
	builder := topology.NewBuilder()
	names := builder.KeyValueStore("names", serde.String(), serde.String())
	builder.ProcessGlobal(texts("names"), func(*processor.Task) (processor.Func[string, string], error) {
		return func(record.Record[string, string]) error { return nil }, nil
	}, names)
	builder.Stream(words).Process(func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
		names := names.In(c)
		return func(r record.Record[string, string]) error {
			names.Put(r.Key(), "mine")
			return nil
		}, nil
	}).To(texts("out"))
	b.produce("words", 1, func(int) (string, string) { return "k", "w" })
	why := endedOf(t, planFrom(t, builder), b.config(t))
	saysAll(t, why, `global store "names"`, "ProcessGlobal alone", "topic")
	if strings.Contains(why, "mine") {
		t.Error("the error has the value")
	}
}
