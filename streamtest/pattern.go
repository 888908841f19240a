package streamtest

import (
	"slices"

	"github.com/pitwheel/pitwheel/internal/plan"
)

// match has the sources read the topic whose pattern it matches, from when it is first named. Kafka:
// TopologyTestDriver.getPartition. An app reads what is there when it starts.
func (d *Driver) match(topic string) {
	for _, t := range d.tasks {
		for _, n := range t.subtopology.Nodes {
			if !n.Matches(topic) {
				continue
			}
			if !slices.Contains(d.matched[n], topic) {
				d.matched[n] = append(d.matched[n], topic)
			}
			d.attach(t, n, topic)
		}
	}
}

// attach makes the topic an input of the task, unless it is one.
func (d *Driver) attach(t *task, n *plan.Node, topic string) {
	for _, of := range t.Inputs() {
		if of.Topic == topic {
			return
		}
	}
	t.Read(n, topic)
	d.enqueue(t)
}
