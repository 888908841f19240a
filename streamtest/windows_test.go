package streamtest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
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

// followed is what windows that follow the records have come to: outputs and stores.
func followed(t *testing.T, partitions int, restart func() bool) []string {
	t.Helper()
	sliding := windowing.Sliding(20 * time.Millisecond).Grace(10 * time.Millisecond)
	sessions := windowing.Session(15 * time.Millisecond).Grace(10 * time.Millisecond)
	var (
		slid   []topology.WindowedTable[string, int64]
		met    []topology.SessionTable[string, int64]
		topics []topology.Topic[windowing.Key[string], int64]
		calmTo = topology.NewTopic("calm", serde.String(), serde.Int64())
	)
	plan := build(t, func(b *topology.Builder) {
		g := b.Stream(in).GroupByKey()
		for i, opts := range [][]topology.WindowStoreOption{
			{topology.As("per-update")}, {topology.As("on-close")}, {topology.As("memory"), topology.InMemory()},
		} {
			w, s := g.WindowedBy(sliding), g.WindowedBySession(sessions)
			if i > 0 {
				w, s = w.EmitOnClose(), s.EmitOnClose()
			}
			slid = append(slid, w.Count(opts...))
			opts[0] = topology.As([]string{"sessions-per-update", "sessions-on-close", "sessions-memory"}[i])
			met = append(met, s.Count(opts...))
			slidTo := topology.NewTopic(fmt.Sprint("sliding", i), sliding.KeySerde(serde.String()), serde.Int64())
			metTo := topology.NewTopic(fmt.Sprint("sessions", i), sessions.KeySerde(serde.String()), serde.Int64())
			slid[i].ToStream().To(slidTo)
			met[i].ToStream().To(metTo)
			topics = append(topics, slidTo, metTo)
		}
		slid[0].SuppressUntilClose().ToStream().To(topics[0])
		met[0].SuppressUntilTimeLimit(25 * time.Millisecond).ToStream().To(topics[1])
		calm := g.Count(topology.As("calm")).SuppressUntilTimeLimit(30*time.Millisecond, topology.MaxRecords(3), topology.EmitEarly())
		calm.ToStream().To(calmTo)
	})
	d := streamtest.New(t, plan, streamtest.Partitions(partitions))
	rnd, input, now := rand.New(rand.NewPCG(1, 2)), d.Input(in), record.Time(0)
	for range 300 {
		// In order: after a restart stream time begins anew, in Kafka Streams too.
		now += record.Time(rnd.IntN(8))
		input.Pipe(fmt.Sprint("k", rnd.IntN(4)), "v", now)
		if restart() {
			d.Restart()
		}
	}
	var all []string
	for _, topic := range topics {
		for _, r := range d.Output(topic).All() {
			all = append(all, fmt.Sprint(topic.Name(), " ", r.Key(), " ", r.Value(), " ", r.IsTombstone(), " ", r.Time()))
		}
	}
	for _, r := range d.Output(calmTo).All() {
		all = append(all, fmt.Sprint("calm ", r.Key(), " ", r.Value(), " ", r.Time()))
	}
	if len(all) < 1000 {
		t.Errorf("%d results: the test tests too little", len(all))
	}
	for i := range slid {
		for e := range d.Window(slid[i].Store()).Entries(0, math.MaxInt64) {
			all = append(all, fmt.Sprint("sliding store ", i, " ", e))
		}
		for e := range d.Session(met[i].Store()).Entries(0, math.MaxInt64) {
			all = append(all, fmt.Sprint("session store ", i, " ", e))
		}
	}
	return all
}

// Restarts at any time neither lose a window or session nor change one, nor emit one twice on close.
func TestRestartsDoNotShowInWindows(t *testing.T) {
	for _, partitions := range []int{1, 3} {
		rnd := rand.New(rand.NewPCG(3, 4))
		want := followed(t, partitions, func() bool { return false })
		got := followed(t, partitions, func() bool { return rnd.IntN(10) == 0 })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d partitions: -without restarts +with them\n%s", partitions, diff)
		}
	}
}

// Sessions of a processor's own: put, found by span, deleted, refused when they are too old, kept over a
// restart.
func TestSessionStoreByHand(t *testing.T) {
	for name, opts := range map[string][]topology.StateOption{"disk": nil, "memory": {topology.InMemory()}} {
		t.Run(name, func(t *testing.T) {
			var ref store.SessionRef[string, string]
			plan := build(t, func(b *topology.Builder) {
				ref = b.SessionStore("visits", serde.String(), serde.String(), 100*time.Millisecond, opts...)
				b.Stream(in).Process(func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
					visits := ref.In(c)
					return func(r record.Record[string, string]) error {
						s := windowing.Key[string]{Key: r.Key(), Start: max(0, r.Time()-5), End: r.Time()}
						if r.Value() == "-" {
							visits.Delete(s)
							return nil
						}
						visits.Put(s, r.Value())
						if v, ok := visits.Get(s); r.Value() != "late" && (!ok || v != r.Value()) {
							return fmt.Errorf("session %v is %q, %v", s, v, ok)
						}
						return nil
					}, nil
				}, ref)
			})
			d := streamtest.New(t, plan, streamtest.Partitions(2))
			i := d.Input(in)
			i.Pipe("a", "x", 10)
			i.Pipe("a", "y", 20)
			i.Pipe("b", "z", 20)
			i.Pipe("a", "-", 10)
			i.Pipe("a", "w", 60)
			visits := d.Session(ref)
			for range 2 {
				var met []string
				for k, v := range visits.Range("a", 17, 58) {
					met = append(met, k.String()+" "+v)
				}
				if want := []string{"a@15/20 y", "a@55/60 w"}; !slices.Equal(met, want) {
					t.Errorf("met %q, want %q", met, want)
				}
				if e, ok := visits.Entry(windowing.Key[string]{Key: "b", Start: 15, End: 20}); !ok || e.Value != "z" || e.Time != 20 {
					t.Errorf("b's session is %v, %v", e, ok)
				}
				d.Restart()
			}
			i.Pipe("a", "v", 300_000)
			i.Pipe("a", "late", 70)
			if n := d.Dropped("expired"); n != 1 {
				t.Errorf("%d puts were refused, want 1", n)
			}
			if _, ok := visits.Get(windowing.Key[string]{Key: "a", Start: 55, End: 60}); ok {
				t.Error("a session beyond the retention is there")
			}
		})
	}
}

// Steps on a windowed table see its updates: what a filter does not keep any more is a deletion, and a
// suppression behind it gives the last of each window.
func TestVerbsOfWindowedTables(t *testing.T) {
	w := windowing.Tumbling(10 * time.Millisecond)
	texts := topology.NewTopic("texts", w.KeySerde(serde.String()), serde.String())
	odd := topology.NewTopic("odd", w.KeySerde(serde.String()), serde.Int64())
	final := topology.NewTopic("final", w.KeySerde(serde.String()), serde.String())
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		counts := b.Stream(in).GroupByKey().WindowedBy(w).Count(topology.As("counts"))
		isOdd := func(_ windowing.Key[string], n int64) bool { return n%2 == 1 }
		written := func(k windowing.Key[string], n int64) string { return fmt.Sprint(int64(k.Start), ":", n) }
		counts.Filter(isOdd, topology.Name("odd")).ToStream().To(odd)
		mapped := counts.FilterNot(isOdd).MapValues(written)
		mapped.ToStream().To(texts)
		mapped.SuppressUntilClose(topology.Name("calm")).ToStream().To(final)
	}))
	i := d.Input(in)
	for _, at := range []record.Time{1, 2, 3, 4, 12, 13, 25} {
		i.Pipe("a", "v", at)
	}
	for topic, want := range map[string][]string{
		"odd": {"a@0/10 1 @1", "a@0/10 - @2", "a@0/10 3 @3", "a@0/10 - @4", "a@10/20 1 @12", "a@10/20 - @13", "a@20/30 1 @25"},
		// A window's first update comes with the initial value 0 as its old one, which is not odd.
		"texts": {
			"a@0/10 - @1", "a@0/10 0:2 @2", "a@0/10 - @3", "a@0/10 0:4 @4", "a@10/20 - @12", "a@10/20 10:2 @13", "a@20/30 - @25",
		},
		"final": {"a@0/10 0:4 @4", "a@10/20 10:2 @13"},
	} {
		var got []string
		add := func(k windowing.Key[string], v any, gone bool, at record.Time) {
			if gone {
				v = "-"
			}
			got = append(got, fmt.Sprintf("%v %v @%d", k, v, at))
		}
		if topic == "odd" {
			for _, r := range d.Output(odd).All() {
				add(r.Key(), r.Value(), r.IsTombstone(), r.Time())
			}
		} else {
			of := texts
			if topic == "final" {
				of = final
			}
			for _, r := range d.Output(of).All() {
				add(r.Key(), r.Value(), r.IsTombstone(), r.Time())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", topic, diff)
		}
	}
}
