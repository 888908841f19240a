package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pitwheel/pitwheel/internal/plan"
)

// Describe is the topology as Kafka Streams' Topology.describe prints it, with each list (topics,
// stores, neighbours) sorted by name. Internal topics stand without the application id.
func (p *Plan) Describe() string {
	var s strings.Builder
	s.WriteString("Topologies:\n ")
	for _, sub := range p.numbered() {
		global := ""
		if slices.Contains(p.compiled.Globals, sub) {
			global = " for global store (will not generate tasks)"
		}
		fmt.Fprintf(&s, "  Sub-topology: %d%s\n", sub.Number, global)
		for _, n := range byWeight(sub.Nodes) {
			s.WriteString("    " + describeNode(n) + "\n")
		}
		if global == "" {
			s.WriteString("\n")
		}
	}
	return s.String()
}

// numbered are all subtopologies, global ones too, in Kafka Streams' order.
func (p *Plan) numbered() []*plan.Subtopology {
	all := slices.Concat(p.compiled.Globals, p.compiled.Subtopologies)
	slices.SortFunc(all, func(a, b *plan.Subtopology) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

func describeNode(n *plan.Node) string {
	next, before := "\n      --> "+neighbours(n.Children), "\n      <-- "+neighbours(n.Parents)
	switch n.Kind {
	case plan.Source:
		if n.Pattern != nil {
			return fmt.Sprintf("Source: %s (topics: %s)", n.Name, n.Pattern) + next
		}
		return fmt.Sprintf("Source: %s (topics: [%s])", n.Name, sorted(n.Topics)) + next
	case plan.Sink:
		if len(n.Topics) == 0 {
			return fmt.Sprintf("Sink: %s (extractor class: lambda)", n.Name) + before
		}
		return fmt.Sprintf("Sink: %s (topic: %s)", n.Name, n.Topics[0]) + before
	default:
		return fmt.Sprintf("Processor: %s (stores: [%s])", n.Name, sorted(n.Stores)) + next + before
	}
}

// byWeight is the nodes by falling weight, then by name. Kafka Streams:
// InternalTopologyBuilder.NodeComparator.
func byWeight(nodes []*plan.Node) []*plan.Node {
	weights := make(map[*plan.Node]uint64, len(nodes))
	for _, n := range slices.Backward(nodes) { // children stand behind their parents
		weights[n] = 1
		for _, child := range n.Children {
			weights[n] = saturated(weights[n], weights[child])
		}
	}
	ordered := slices.Clone(nodes)
	slices.SortFunc(ordered, func(a, b *plan.Node) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), strings.Compare(a.Name, b.Name))
	})
	return ordered
}

// saturated is the sum: a node counts once per way to it, so weights double where ways part and
// meet again.
func saturated(a, b uint64) uint64 {
	if a+b < a {
		return 1<<64 - 1
	}
	return a + b
}

func neighbours(nodes []*plan.Node) string {
	if len(nodes) == 0 {
		return "none"
	}
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = n.Name
	}
	return sorted(names)
}

func sorted(names []string) string {
	return strings.Join(slices.Sorted(slices.Values(names)), ", ")
}
