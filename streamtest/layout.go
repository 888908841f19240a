package streamtest

import (
	"github.com/pitwheel/pitwheel/internal/plan"
)

// layout is how many partitions the plan's own topics have, and so how many tasks there are.
type layout struct {
	plan     *plan.Plan
	inputs   int32 // of each topic that is not the plan's own
	internal map[string]int32
}

// newLayout is an error where topics that meet by key cannot have the same number.
func newLayout(p *plan.Plan, inputs int32) (*layout, error) {
	l := &layout{plan: p, inputs: inputs, internal: map[string]int32{}}
	for _, r := range p.Internal {
		l.repartition(r)
	}
	counts := map[string]int32{}
	topicsOf := func(n *plan.Node) []string { return n.TopicNames(prefix, n.Topics) }
	for _, sources := range p.Copartitioned {
		for _, n := range sources {
			for i, topic := range topicsOf(n) {
				counts[topic] = inputs
				if n.Internal {
					counts[topic] = l.internal[n.Topics[i]]
				}
			}
		}
	}
	if err := p.Copartition(topicsOf, counts); err != nil {
		return nil, err
	}
	for _, r := range p.Internal {
		if n, met := counts[plan.TopicName(prefix, r.Topic)]; met {
			l.internal[r.Topic] = n
		}
	}
	return l, nil
}

// prefix stands for the application id. No topic's name has a slash, so internal topics stay apart.
const prefix = "/"

// repartition is the topic's number of partitions: its own, else that of the widest topic that
// the subtopology before it reads. Kafka: RepartitionTopics.
func (l *layout) repartition(r *plan.Repartition) int32 {
	n, known := l.internal[r.Topic]
	if known {
		return n
	}
	n = int32(r.Partitions)
	if n == 0 {
		// A subtopology may read what it writes, where processors share a store: this entry ends the circle.
		l.internal[r.Topic] = l.inputs
		n = l.tasks(l.writerOf(r.Topic))
	}
	l.internal[r.Topic] = n
	return n
}

// tasks is the number of the subtopology's tasks.
func (l *layout) tasks(sub *plan.Subtopology) int32 {
	var widest int32
	for _, n := range sub.Nodes {
		if n.Kind != plan.Source {
			continue
		}
		width := l.inputs
		if n.Internal {
			width = l.repartition(l.topic(n.Topics[0]))
		}
		widest = max(widest, width)
	}
	return widest
}

func (l *layout) topic(name string) *plan.Repartition {
	for _, r := range l.plan.Internal {
		if r.Topic == name {
			return r
		}
	}
	panic("streamtest: the plan reads an internal topic that it does not have: " + name)
}

func (l *layout) writerOf(topic string) *plan.Subtopology {
	for _, sub := range l.plan.Subtopologies {
		for _, n := range sub.Nodes {
			if n.Kind == plan.Sink && n.Internal && n.Topics[0] == topic {
				return sub
			}
		}
	}
	panic("streamtest: the plan writes no internal topic of the name: " + topic)
}
