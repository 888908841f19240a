package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCopartition takes groups of topics, whose internal ones are of repartitions with a number said
// (4) or not.
func TestCopartition(t *testing.T) {
	said, free, other := &Repartition{Topic: "said", Partitions: 4}, &Repartition{Topic: "free"}, &Repartition{Topic: "other"}
	source := func(topics ...string) *Node { return &Node{Kind: Source, Topics: topics} }
	internal := func(r *Repartition) *Node { return &Node{Kind: Source, Internal: true, Topics: []string{r.Topic}} }
	tests := map[string]struct {
		group  []*Node
		counts map[string]int32
		want   map[string]int32 // nil: an error
	}{
		"alike":            {[]*Node{source("a"), source("b")}, map[string]int32{"a": 3, "b": 3}, map[string]int32{"a": 3, "b": 3}},
		"not alike":        {[]*Node{source("a"), source("b")}, map[string]int32{"a": 3, "b": 2}, nil},
		"several topics":   {[]*Node{source("a", "b")}, map[string]int32{"a": 3, "b": 2}, nil},
		"follows":          {[]*Node{source("a"), internal(free)}, map[string]int32{"a": 3, "app-free": 5}, map[string]int32{"a": 3, "app-free": 3}},
		"what is said":     {[]*Node{source("a"), internal(said)}, map[string]int32{"a": 3, "app-said": 4}, nil},
		"follows the said": {[]*Node{internal(free), internal(said)}, map[string]int32{"app-free": 7, "app-said": 4}, map[string]int32{"app-free": 4, "app-said": 4}},
		"the widest":       {[]*Node{internal(free), internal(other)}, map[string]int32{"app-free": 2, "app-other": 6}, map[string]int32{"app-free": 6, "app-other": 6}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &Plan{Internal: []*Repartition{said, free, other}, Copartitioned: [][]*Node{tt.group}}
			err := p.Copartition(func(n *Node) []string { return n.TopicNames("app", nil) }, tt.counts)
			if tt.want == nil {
				if err == nil || !strings.Contains(err.Error(), `"a" has 3`) {
					t.Errorf("got %v, want an error that names the topics", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tt.counts); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}
