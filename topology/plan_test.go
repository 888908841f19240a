package topology_test

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

func TestPlanListsItsTopics(t *testing.T) {
	p := planOf(t, func(b *topology.Builder) {
		s := b.StreamOf(topology.Topics(text("b"), text("a")))
		s.GroupBy(value).Count().ToStream().To(counts)
		s.To(out)
		s.ToDynamic(out, value)
	})
	if got, want := p.SourceTopics(), []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("source topics %v, want %v", got, want)
	}
	if got, want := p.SinkTopics(), []string{"counts", "out"}; !slices.Equal(got, want) {
		t.Errorf("sink topics %v, want %v", got, want)
	}
}

func TestPlanHoldsWhatTheOptionsSay(t *testing.T) {
	p := planOf(t, func(b *topology.Builder) {
		s := b.Stream(in, topology.Reset(topology.Latest()),
			topology.OnError(topology.ErrorPolicies{Decode: topology.DeadLetter("dead")}))
		s.GroupByKey().Count(topology.As("logged"), topology.TopicConfig("a", "1"), topology.TopicConfig("b", "2"))
		s.GroupByKey().Count(topology.As("bare"), topology.InMemory(), topology.NoChangelog())
		w := s.GroupByKey().WindowedBy(minutes)
		w.Count(topology.As("windows"))
		w.Count(topology.As("longer"), topology.Retention(time.Hour))
		s.Repartition(topology.Name("three"), topology.Partitions(3))
		s.Repartition(topology.Name("same"))
	}).Compiled()

	source := p.Subtopologies[0].Nodes[0]
	if source.Reset != plan.Latest || source.OnError.Decode != topology.DeadLetter("dead") {
		t.Errorf("source resets to %v, on error %v", source.Reset, source.OnError)
	}
	want := []plan.Store{
		{Name: "logged", ByKey: true, Logged: true, TopicConfig: map[string]string{"a": "1", "b": "2"}},
		{Name: "bare", ByKey: true, InMemory: true},
		{Name: "windows", Kind: plan.Window, ByKey: true, Logged: true, WindowSize: time.Minute, Retention: 70 * time.Second},
		{Name: "longer", Kind: plan.Window, ByKey: true, Logged: true, WindowSize: time.Minute, Retention: time.Hour},
	}
	var got []plan.Store
	for _, s := range p.Subtopologies[0].Stores {
		store := *s
		store.Open, store.Serdes = nil, nil
		got = append(got, store)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stores (-want +got):\n%s", diff)
	}
	internal := []*plan.Repartition{{Topic: "three-repartition", Partitions: 3}, {Topic: "same-repartition"}}
	if diff := cmp.Diff(internal, p.Internal); diff != "" {
		t.Errorf("internal topics (-want +got):\n%s", diff)
	}
}

func TestHandlesNameTheStores(t *testing.T) {
	b := topology.NewBuilder()
	g := b.Stream(in).GroupByKey()
	table, windows := g.Count(), g.WindowedBy(minutes).Count(topology.As("windows"))
	if use := table.Store().Use(); use.Kind != "key-value store" || use.Name != "KSTREAM-AGGREGATE-STATE-STORE-0000000001" {
		t.Errorf("table: %v", use)
	}
	if use := windows.Store().Use(); use.Kind != "window store" || use.Name != "windows" {
		t.Errorf("windows: %v", use)
	}
}

// TestPlansKeepTheirInvariants checks P1 and P2 of internal/plan, and that edges have two ends, on
// random topologies.
func TestPlansKeepTheirInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var opts []topology.BuilderOption
		if rapid.Bool().Draw(t, "optimized") {
			opts = append(opts, topology.Optimize())
		}
		b := topology.NewBuilder(opts...)
		randomTopology(t, b)
		p, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		home := map[*plan.Node]int32{}
		for i, sub := range p.Compiled().Subtopologies {
			if sub.ID != int32(i) {
				t.Fatalf("subtopology %d stands at %d", sub.ID, i)
			}
			for _, n := range sub.Nodes {
				for _, parent := range n.Parents {
					if at, before := home[parent]; !before || at != sub.ID {
						t.Fatalf("%s stands before its parent %s or in another subtopology", n.Name, parent.Name)
					}
					if !slices.Contains(parent.Children, n) {
						t.Fatalf("%s is no child of its parent %s", n.Name, parent.Name)
					}
				}
				if n.Kind == plan.Source != (len(n.Parents) == 0) || n.Kind == plan.Sink && len(n.Children) > 0 {
					t.Fatalf("%s, of kind %v, has %d parents and %d children", n.Name, n.Kind, len(n.Parents), len(n.Children))
				}
				home[n] = sub.ID
			}
		}
	})
}

// randomTopology makes streams of streams, groups and merges them.
func randomTopology(t *rapid.T, b *topology.Builder) {
	streams := []topology.Stream[string, string]{b.Stream(in)}
	pick := func(label string) topology.Stream[string, string] {
		return streams[rapid.IntRange(0, len(streams)-1).Draw(t, label)]
	}
	names := 0
	named := func() topology.StepOption { names++; return topology.Name(fmt.Sprintf("g%d", names)) }
	for range rapid.IntRange(0, 15).Draw(t, "steps") {
		s := pick("stream")
		switch step := rapid.IntRange(0, 17).Draw(t, "step"); step {
		case 8:
			streams = append(streams, b.Stream(text(rapid.SampledFrom([]string{"in", "in2", "in3"}).Draw(t, "topic"))))
		case 9:
			streams = append(streams, s.Merge(pick("other")))
		case 10:
			streams = append(streams, s.Repartition())
		case 11:
			streams = append(streams, s.GroupByKey().Reduce(last).ToStream())
		case 12:
			split := s.Split()
			streams = append(streams, split.Default(""), split.Branch("", always))
		case 13:
			s.To(out)
			n := s.GroupBy(value).WindowedBy(minutes).Count().ToStream()
			streams = append(streams, n.SelectKey(innerKey).MapValues(func(string, int64) string { return "" }))
		case 14:
			streams = append(streams, s.ToTable().Filter(always).ToStream())
		case 15:
			kept := s.ToTable()
			kept.Store()
			streams = append(streams, kept.FilterNot(never, topology.InMemory()).ToStream().Print(io.Discard))
		case 16:
			c := s.GroupByKey(named()).Cogroup(concat).Cogroup(pick("other").GroupByKey(named()), concat)
			streams = append(streams, c.Aggregate(empty, topology.Cached()).ToStream())
		case 17:
			c := s.GroupBy(value, named()).Cogroup(concat).WindowedBy(minutes)
			streams = append(streams, c.Aggregate(empty).ToStream().
				SelectKey(func(k windowing.Key[string], _ string) string { return k.Key }))
		default:
			streams = append(streams, next(s, step, nil))
		}
	}
}

func TestSerdesFlowWithTypes(t *testing.T) {
	type id struct{ n int }
	own := serde.JSON[id]()
	toID := func(_, v string) id { return id{len(v)} }
	for name, build := range map[string]func(b *topology.Builder){
		"the topic's": func(b *topology.Builder) {
			b.Stream(topology.NewTopic("ids", own, own)).
				SelectKey(func(_, v id) id { return v }).MapValues(func(k, _ id) id { return k }).
				GroupByKey().Reduce(func(_, _, v id) id { return v }).ToStream().Repartition()
		},
		"the builder's, given late": func(b *topology.Builder) {
			b.Stream(in).GroupBy(toID).Count().ToStream().Repartition()
			b.UseSerde(own)
		},
		"the stream's": func(b *topology.Builder) {
			b.Stream(in).SelectKey(toID).WithKeySerde(own).MapValues(func(k id, _ string) id { return k }).
				WithValueSerde(own).Filter(func(_, _ id) bool { return true }).GroupByKey().Count()
		},
		"the step's": func(b *topology.Builder) {
			b.Stream(in).GroupByKey().Aggregate(func() id { return id{} }, func(_, _ string, a id) id { return a },
				topology.ValueSerde(own)).ToStream().Repartition()
		},
		"the other stream's": func(b *topology.Builder) {
			b.Stream(in).SelectKey(toID).Merge(b.Stream(topology.NewTopic("ids", own, serde.String()))).GroupByKey().Count()
		},
		"none, where no bytes are needed": func(b *topology.Builder) {
			b.Stream(in).Map(func(k, v string) (id, id) { return id{}, id{} }).
				Peek(func(_, _ id) {}).ForEach(func(_, _ id) {})
		},
	} {
		t.Run(name, func(t *testing.T) { planOf(t, build) })
	}
}
