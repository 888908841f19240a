package streamtest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

// counting counts records by key, and notes the set-ups and ends of its tasks: what the store held then.
func counting(n store.KeyValueRef[string, int64], life *[]string) processor.Setup[string, string, string, int64] {
	return func(c *processor.Context[string, int64]) (processor.Func[string, string], error) {
		n := n.In(c)
		note := func(what string) {
			rows := []string{}
			for k, v := range n.All() {
				rows = append(rows, fmt.Sprint(k, "=", v))
			}
			*life = append(*life, fmt.Sprintf("%v %s %v stream time %d", c.ID(), what, rows, c.StreamTime()))
		}
		note("set up")
		c.OnClose(func() error { note("closed"); return nil })
		return func(r record.Record[string, string]) error {
			if r.Value() == "bad" {
				return errors.New("bad value")
			}
			count, _ := n.Get(r.Key())
			n.Put(r.Key(), count+1)
			c.Forward(r.WithValue(count + 1))
			return nil
		}, nil
	}
}

func TestAProcessorIsSetUpWithWhatIsCommitted(t *testing.T) {
	var life []string
	var n store.KeyValueRef[string, int64]
	plan := build(t, func(b *topology.Builder) {
		n = b.KeyValueStore("n", serde.String(), serde.Int64())
		b.Stream(in).Process(counting(n, &life), n).To(topology.NewTopic("counts", serde.String(), serde.Int64()))
	})
	want := func(lines ...string) {
		t.Helper()
		if !slices.Equal(life, lines) {
			t.Errorf("got  %q\nwant %q", life, lines)
		}
		life = nil
	}
	t.Run("run", func(t *testing.T) {
		d := streamtest.New(t, plan)
		want("0_0 set up [] stream time -1")
		d.Input(in).Pipe("a", "x", 5)
		d.Restart()
		want("0_0 closed [a=1] stream time 5", "0_0 set up [a=1] stream time 5")
		if err := d.Input(in).TryPipeRecord(record.New("a", "bad", 9)); err == nil || !strings.Contains(err.Error(), "bad value") {
			t.Errorf("got %v", err)
		}
		// The abort closes the processor, before what it wrote is dropped.
		want("0_0 closed [a=1] stream time 9")
		if got, _ := d.KeyValue(n).Get("a"); got != 1 {
			t.Errorf("the store has %d, want 1", got)
		}
	})
	want()
	t.Run("two tasks", func(t *testing.T) { streamtest.New(t, plan, streamtest.Partitions(2)) })
	want("0_0 set up [] stream time -1", "0_1 set up [] stream time -1",
		"0_0 closed [] stream time -1", "0_1 closed [] stream time -1")
}

func TestAProcessorThatIsNotConnectedIsRefused(t *testing.T) {
	var life []string
	plan := build(t, func(b *topology.Builder) {
		n := b.KeyValueStore("n", serde.String(), serde.Int64())
		b.Stream(in).Process(counting(n, &life), n)
		b.Stream(in).Process(counting(n, &life), topology.Name("stranger"))
	})
	got := failure(t, func(t testing.TB) { streamtest.New(t, plan) })
	if want := `step "stranger" uses the key-value store "n" without being connected with it: give the handle to Process`; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A table's store may be read, and a write to it stops the app.
func TestAProcessorReadsATable(t *testing.T) {
	plan := build(t, func(b *topology.Builder) {
		names := b.Table(topology.NewTopic("names", serde.String(), serde.String())).Store()
		b.Stream(in).ProcessValues(func(c *processor.ValueContext[string, string]) (processor.ValueFunc[string, string], error) {
			names := names.In(c)
			return func(r record.FixedKey[string, string]) error {
				name, ok := names.Get(r.Key())
				if !ok {
					names.Put(r.Key(), r.Value())
				}
				c.Forward(r.WithValue(name + " " + r.Value()))
				return nil
			}, nil
		}, names).To(out)
	})
	d := streamtest.New(t, plan)
	d.Input(topology.NewTopic("names", serde.String(), serde.String())).Pipe("a", "Ann", 1)
	d.Input(in).Pipe("a", "walks", 2)
	if r, _ := d.Output(out).Next(); r.Value() != "Ann walks" {
		t.Errorf("got %v", r)
	}
	err := d.Input(in).TryPipeRecord(record.New("b", "runs", 3))
	if err == nil || !strings.Contains(err.Error(), `wrote to store "names-STATE-STORE-0000000000", which a table keeps`) {
		t.Errorf("got %v", err)
	}
}

// Processors before and behind a repartition topic share a store, which makes them one subtopology that
// reads what it writes.
func TestASubtopologyMayReadWhatItWrites(t *testing.T) {
	var sent, came store.KeyValueRef[string, int64]
	add := func(s store.KeyValue[string, int64], k string) int64 {
		n, _ := s.Get(k)
		s.Put(k, n+1)
		return n + 1
	}
	plan := build(t, func(b *topology.Builder) {
		sent = b.KeyValueStore("sent", serde.String(), serde.Int64())
		came = b.KeyValueStore("came", serde.String(), serde.Int64())
		b.Stream(in).Process(func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
			sent := sent.In(c)
			return func(r record.Record[string, string]) error {
				add(sent, r.Value())
				c.Forward(r.WithKey(r.Value()))
				return nil
			}, nil
		}, sent).Repartition(topology.Name("by-value")).
			Process(func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
				sent, came := sent.In(c), came.In(c)
				return func(r record.Record[string, string]) error {
					n, _ := sent.Get(r.Key())
					c.Forward(r.WithValue(fmt.Sprint(n, " sent here, ", add(came, r.Key()), " came")))
					return nil
				}, nil
			}, sent, came).To(out)
	})
	if n := len(plan.Compiled().Subtopologies); n != 1 {
		t.Fatalf("%d subtopologies, want 1", n)
	}
	d := streamtest.New(t, plan, streamtest.Partitions(3))
	for i := range 30 {
		d.Input(in).Pipe(fmt.Sprint("k", i), fmt.Sprint("v", i%2), record.Time(i))
	}
	total := int64(0)
	for _, n := range d.KeyValue(sent).All() {
		total += n
	}
	for _, v := range []string{"v0", "v1"} {
		if n, _ := d.KeyValue(came).Get(v); n != 15 {
			t.Errorf("%d of %s came, want 15", n, v)
		}
	}
	if got := len(d.Output(out).All()); got != 30 || total != 30 {
		t.Errorf("%d sent, %d came out, want 30", total, got)
	}
}
