package plan

import (
	"fmt"
	"strings"
)

// Copartition gives the repartition topics of each group of Copartitioned sources the group's number
// of partitions: that of its other topics and of those whose number is said, else the highest.
// topicsOf are a source's topics by their full names, counts their numbers. The error names the
// topics of a group that cannot have the same number. Kafka: CopartitionedTopicsEnforcer.
func (p *Plan) Copartition(topicsOf func(*Node) []string, counts map[string]int32) error {
	for _, sources := range p.Copartitioned {
		g := group{plan: p, counts: counts}
		for _, n := range sources {
			for _, topic := range topicsOf(n) {
				g.add(n, topic)
			}
		}
		if err := g.even(); err != nil {
			return err
		}
	}
	return nil
}

// group is the topics of one group.
type group struct {
	plan   *Plan
	counts map[string]int32
	fixed  []string // their numbers are what they are
	ours   []string // theirs follow
}

func (g *group) add(n *Node, topic string) {
	if n.Internal && g.plan.repartition(n.Topics[0]).Partitions == 0 {
		g.ours = append(g.ours, topic)
	} else {
		g.fixed = append(g.fixed, topic)
	}
}

func (p *Plan) repartition(topic string) *Repartition {
	for _, r := range p.Internal {
		if r.Topic == topic {
			return r
		}
	}
	panic("plan: a source reads an internal topic that is not in the plan: " + topic)
}

func (g *group) even() error {
	count, same := int32(0), true
	for i, topic := range g.fixed {
		same = same && (i == 0 || g.counts[topic] == count)
		count = g.counts[topic]
	}
	if !same {
		var shown []string
		for _, topic := range g.fixed {
			shown = append(shown, fmt.Sprintf("%q has %d", topic, g.counts[topic]))
		}
		return fmt.Errorf("topics whose records meet by key must have the same number of partitions: %s: give them the same, or put Repartition, without Partitions, behind a source",
			strings.Join(shown, ", "))
	}
	if len(g.fixed) == 0 {
		for _, topic := range g.ours {
			count = max(count, g.counts[topic])
		}
	}
	for _, topic := range g.ours {
		g.counts[topic] = count
	}
	return nil
}
