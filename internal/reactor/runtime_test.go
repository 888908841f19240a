package reactor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// countedBy is a plan whose processor counts records by key in a store and by itself, and notes its life.
func countedBy(life *[]string, contexts *[]context.Context, onClose func() error) *topology.Builder {
	b := topology.NewBuilder()
	rows := b.KeyValueStore("rows", serde.String(), serde.Int64())
	b.Stream(text("in")).Process(func(c *processor.Context[string, string]) (processor.Func[string, string], error) {
		rows, own := rows.In(c), 0
		*contexts = append(*contexts, c.Context())
		note := func(what string) {
			n, _ := rows.Get("a")
			*life = append(*life, fmt.Sprintf("%s: %d in the store, %d by itself, stream time %d", what, n, own, c.StreamTime()))
		}
		note("set up")
		c.OnClose(func() error { note("closed"); return onClose() })
		return func(r record.Record[string, string]) error {
			n, _ := rows.Get(r.Key())
			rows.Put(r.Key(), n+1)
			own++
			m, ok := c.Metadata()
			c.Forward(r.WithValue(fmt.Sprintf("%d %d %v %v", n+1, own, m, ok)))
			return nil
		}, nil
	}, topology.Name("counter"), rows).To(text("out"))
	return b
}

// TestAnAbortSetsProcessorsUpAgain: what they kept to themselves is dropped with what they wrote, and
// they are closed first, while their stores can still be read.
func TestAnAbortSetsProcessorsUpAgain(t *testing.T) {
	var life []string
	var contexts []context.Context
	p, err := countedBy(&life, &contexts, func() error { return errors.New("not logged to a test") }).Build()
	if err != nil {
		t.Fatal(err)
	}
	s := newScripted(t, p.Compiled().Subtopologies[0])
	s.run("feed a=x@5 a=x@6 a=x@7\nstep 1\ncommit\nstep 1\nabort\nstep 10\ncommit")
	if err := s.task.Close(); err == nil || !strings.Contains(err.Error(), `task 0_1: step "counter": OnClose: not logged`) {
		t.Errorf("closing gave %v", err)
	}
	if err := s.task.Close(); err != nil {
		t.Errorf("closing again gave %v", err)
	}
	want := []string{
		"set up: 0 in the store, 0 by itself, stream time -1",
		"closed: 2 in the store, 2 by itself, stream time 6",
		"set up: 1 in the store, 0 by itself, stream time 5",
		"closed: 3 in the store, 2 by itself, stream time 7",
	}
	if diff := cmp.Diff(want, life); diff != "" {
		t.Errorf("life (-want +got):\n%s", diff)
	}
	for i, c := range contexts {
		if c.Err() == nil {
			t.Errorf("the context of set-up %d has not ended", i)
		}
	}
	want = []string{
		`out[0] "a" = "1 1 {in 1 0} true" @ 5 []`,
		`out[0] "a" = "2 1 {in 1 1} true" @ 6 []`, // after the abort: counted anew by itself, not in the store
		`out[0] "a" = "3 2 {in 1 2} true" @ 7 []`,
	}
	if diff := cmp.Diff(want, s.outputs); diff != "" {
		t.Errorf("committed (-want +got):\n%s", diff)
	}
}

// TestSetUpsRunParentsFirst as in Kafka Streams, and a failed one ends those before it.
func TestSetUpsRunParentsFirst(t *testing.T) {
	var order []string
	step := func(name string, fails bool) processor.ValueSetup[string, string, string] {
		return func(c *processor.ValueContext[string, string]) (processor.ValueFunc[string, string], error) {
			order = append(order, name)
			c.OnClose(func() error { order = append(order, "no "+name); return nil })
			if fails {
				return nil, errors.New("no such host")
			}
			return func(r record.FixedKey[string, string]) error { c.Forward(r); return nil }, nil
		}
	}
	b := topology.NewBuilder()
	first := b.Stream(text("in")).ProcessValues(step("first", false))
	second := first.ProcessValues(step("second", false))
	second.ProcessValues(step("third", true), topology.Name("third"))
	second.ProcessValues(step("fourth", false))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	err = Try(p.Compiled(), "app", nil)
	if err == nil || err.Error() != `task 0_0: step "third": set-up: no such host` {
		t.Errorf("got %v", err)
	}
	if want := []string{"first", "second", "third", "no third", "no second", "no first"}; !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
}
