package topology

import (
	"slices"

	"github.com/pitwheel/pitwheel/internal/plan"
)

// Plan is a compiled topology: immutable, and all that an app or a test driver needs. Kafka:
// Topology.
type Plan struct{ compiled *plan.Plan }

// Compiled is the plan as the engine sees it. Its type is internal: users pass the Plan on.
func (p *Plan) Compiled() *plan.Plan { return p.compiled }

// SourceTopics are the topics that the topology reads by name, but for its internal ones, sorted.
func (p *Plan) SourceTopics() []string { return p.topics(plan.Source) }

// Reads says whether the topology reads the topic: it is one of SourceTopics, or a pattern matches it.
func (p *Plan) Reads(topic string) bool {
	for _, sub := range p.numbered() {
		for _, n := range sub.Nodes {
			named := n.Kind == plan.Source && !n.Internal && slices.Contains(n.Topics, topic)
			if named || n.Matches(topic) {
				return true
			}
		}
	}
	return false
}

// SinkTopics are the topics that the topology writes, but for its internal ones and those that a
// function names record by record, sorted.
func (p *Plan) SinkTopics() []string { return p.topics(plan.Sink) }

func (p *Plan) topics(kind plan.Kind) []string {
	var topics []string
	for _, sub := range p.numbered() {
		for _, n := range sub.Nodes {
			if n.Kind == kind && !n.Internal {
				topics = append(topics, n.Topics...)
			}
		}
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}
