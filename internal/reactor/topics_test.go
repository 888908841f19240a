package reactor

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// chain is a plan whose subtopologies each read the topics of their number and write the
// repartition topics of theirs. A name that begins with "-" is a repartition topic.
func chain(partitions map[string]int, subtopologies ...[2][]string) *plan.Plan {
	p := &plan.Plan{}
	for i, sub := range subtopologies {
		s := &plan.Subtopology{ID: int32(i)}
		for _, kind := range []plan.Kind{plan.Source, plan.Sink} {
			for _, topic := range sub[kind/plan.Sink] {
				name, internal := strings.CutPrefix(topic, "-")
				s.Nodes = append(s.Nodes, &plan.Node{Name: topic, Kind: kind, Topics: []string{name}, Internal: internal})
			}
		}
		p.Subtopologies = append(p.Subtopologies, s)
	}
	for _, sub := range p.Subtopologies {
		for _, n := range sub.Nodes {
			if n.Kind == plan.Source && n.Internal {
				p.Internal = append(p.Internal, &plan.Repartition{Topic: n.Topics[0], Partitions: partitions[n.Topics[0]]})
			}
		}
	}
	return p
}

func planTopics(p *plan.Plan, counts map[string]int32) *topics {
	return &topics{
		config: Config{Plan: p, ApplicationID: "app"},
		counts: counts, known: map[string]*processor.Topic{}, ids: map[string][16]byte{},
	}
}

func TestRepartitionTopicsAreAsWideAsWhatIsWrittenFrom(t *testing.T) {
	type sub = [2][]string
	tests := []struct {
		name     string
		plan     *plan.Plan
		external map[string]int32
		want     map[string]int32
	}{
		{
			"as the source", chain(nil, sub{{"in"}, {"-r"}}, sub{{"-r"}, {"out"}}),
			map[string]int32{"in": 6}, map[string]int32{"in": 6, "app-r": 6},
		},
		{
			"as the widest source", chain(nil, sub{{"a", "b"}, {"-r"}}, sub{{"-r"}, {"out"}}),
			map[string]int32{"a": 2, "b": 9}, map[string]int32{"a": 2, "b": 9, "app-r": 9},
		},
		{
			"as the plan says", chain(map[string]int{"r": 3}, sub{{"in"}, {"-r"}}, sub{{"-r"}, {"out"}}),
			map[string]int32{"in": 6}, map[string]int32{"in": 6, "app-r": 3},
		},
		{
			"a chain", chain(nil, sub{{"in"}, {"-r"}}, sub{{"-r"}, {"-s"}}, sub{{"-s"}, {"-t"}}, sub{{"-t"}, {"out"}}),
			map[string]int32{"in": 4}, map[string]int32{"in": 4, "app-r": 4, "app-s": 4, "app-t": 4},
		},
		{
			"a chain whose middle the plan says", chain(map[string]int{"s": 2}, sub{{"in"}, {"-r"}}, sub{{"-r"}, {"-s"}}, sub{{"-s"}, {"-t"}}, sub{{"-t"}, {"out"}}),
			map[string]int32{"in": 4}, map[string]int32{"in": 4, "app-r": 4, "app-s": 2, "app-t": 2},
		},
		{
			"a chain in the plan's reverse order", chain(nil, sub{{"-t"}, {"out"}}, sub{{"-s"}, {"-t"}}, sub{{"-r"}, {"-s"}}, sub{{"in"}, {"-r"}}),
			map[string]int32{"in": 5}, map[string]int32{"in": 5, "app-r": 5, "app-s": 5, "app-t": 5},
		},
		{
			"two that meet", chain(nil, sub{{"a"}, {"-r"}}, sub{{"b"}, {"-s"}}, sub{{"-r", "-s"}, {"-t"}}, sub{{"-t"}, {"out"}}),
			map[string]int32{"a": 2, "b": 7}, map[string]int32{"a": 2, "b": 7, "app-r": 2, "app-s": 7, "app-t": 7},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			topics := planTopics(tt.plan, tt.external)
			if err := topics.countRepartition(nil); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, topics.counts); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRepartitionTopicThatNobodyCanCountIsAnError(t *testing.T) {
	type sub = [2][]string
	// Two that are made from one another: neither has a width.
	topics := planTopics(chain(nil, sub{{"-r"}, {"-s"}}, sub{{"-s"}, {"-r"}}), map[string]int32{})
	err := topics.countRepartition(nil)
	if err == nil || !strings.Contains(err.Error(), `"r"`) || !strings.Contains(err.Error(), "topology.Partitions") {
		t.Errorf("got %v, want an error that names the topic and the fix", err)
	}
}

func TestTasksAreTheSourcesOfEachSubtopology(t *testing.T) {
	type sub = [2][]string
	topics := planTopics(chain(nil, sub{{"a", "b"}, {"-r"}}, sub{{"-r"}, {"out"}}), nil)
	if diff := cmp.Diff([]kafka.TaskTopics{{Topics: []string{"a", "b"}}, {Topics: []string{"app-r"}}}, topics.tasks()); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "app-r", "b"}, topics.sources()); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	for topic, want := range map[string]int32{"a": 0, "b": 0, "app-r": 1} {
		if got := topics.reader(topic).ID; got != want {
			t.Errorf("topic %q is read by subtopology %d, want %d", topic, got, want)
		}
	}
}

func TestInternalTopicsHaveTheirConfigs(t *testing.T) {
	type sub = [2][]string
	p := chain(nil, sub{{"in"}, {"-r"}}, sub{{"-r"}, {"out"}})
	p.Subtopologies[1].Stores = []*plan.Store{
		{Name: "totals", Logged: true, TopicConfig: map[string]string{"segment.bytes": "1"}},
		{Name: "windows", Logged: true, Kind: plan.Window, Retention: 3600e9},
		{Name: "scratch"},
	}
	got := map[string]string{}
	for _, topic := range planTopics(p, nil).internal() {
		got[topic.name] = strings.Join([]string{topic.config["cleanup.policy"], topic.config["retention.ms"], topic.config["segment.bytes"]}, " ")
	}
	want := map[string]string{
		"app-r":                 "delete -1 52428800",
		"app-totals-changelog":  "compact  1",
		"app-windows-changelog": "compact,delete 90000000 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Where an input starts for which nothing is committed.
func TestResetIsWhatItsSourceSays(t *testing.T) {
	p := &plan.Plan{Subtopologies: []*plan.Subtopology{{Nodes: []*plan.Node{
		{Name: "from-start", Topics: []string{"early"}},
		{Name: "from-end", Topics: []string{"late"}, Reset: plan.Latest},
		{Name: "strict", Topics: []string{"none"}, Reset: plan.NoReset},
		{Name: "repartitioned", Topics: []string{"r"}, Internal: true},
	}}}}
	e := &Engine{config: Config{Plan: p, ApplicationID: "app"}}
	e.found.Store(planTopics(p, nil))
	for topic, want := range map[string]int64{"early": 10, "late": 20, "app-r": 10} {
		got, err := e.reset(record.Partition{Topic: topic, ID: 1}, 10, 20)
		if err != nil || got != want {
			t.Errorf("topic %q starts at %d, %v, want %d", topic, got, err, want)
		}
	}
	_, err := e.reset(record.Partition{Topic: "none", ID: 1}, 10, 20)
	for _, part := range []string{`"none"`, "partition 1", `"strict"`, `"app"`, "topology.NoReset"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want an error that says %q", err, part)
		}
	}
	for topic, want := range map[string]bool{"early": false, "late": true, "none": false, "app-r": false} {
		if got := e.fromEnd(topic); got != want {
			t.Errorf("topic %q starts at its end: %v, want %v", topic, got, want)
		}
	}
}
