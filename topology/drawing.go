package topology

import (
	"fmt"
	"strings"

	"github.com/pitwheel/pitwheel/internal/plan"
)

// drawing is a plan as boxes and arrows, in the order of the plan, so that the same topology is
// drawn the same each time.
type drawing struct {
	parts  []drawnPart
	topics []box
	arrows []arrow // between topics and nodes
}

// drawnPart is a subtopology.
type drawnPart struct {
	id     string
	label  string
	nodes  []box
	stores []box
	arrows []arrow
	uses   []arrow // of stores
}

type box struct{ id, label string }

type arrow struct{ from, to string }

// anyTopic is what a sink writes to that chooses the topic record by record.
const anyTopic = "chosen by record"

func (p *Plan) drawing() drawing {
	d := drawing{}
	ids, topics := map[*plan.Node]string{}, map[string]string{}
	for _, sub := range p.compiled.Subtopologies {
		part := drawnPart{id: fmt.Sprintf("%d", sub.ID), label: fmt.Sprintf("Sub-topology %d", sub.ID)}
		stores := map[string]string{}
		for _, s := range sub.Stores {
			stores[s.Name] = fmt.Sprintf("s%d_%d", sub.ID, len(stores))
			part.stores = append(part.stores, box{stores[s.Name], s.Name})
		}
		for _, n := range sub.Nodes {
			ids[n] = fmt.Sprintf("n%d", len(ids))
			part.nodes = append(part.nodes, box{ids[n], n.Name})
			for _, parent := range n.Parents {
				part.arrows = append(part.arrows, arrow{ids[parent], ids[n]})
			}
			for _, s := range n.Stores {
				part.uses = append(part.uses, arrow{ids[n], stores[s]})
			}
			d.connect(n, ids[n], topics)
		}
		d.parts = append(d.parts, part)
	}
	return d
}

// connect draws the arrows between a source or sink and its topics.
func (d *drawing) connect(n *plan.Node, id string, topics map[string]string) {
	names := n.Topics
	switch {
	case n.Kind == plan.Sink && len(names) == 0:
		names = []string{anyTopic}
	case n.Pattern != nil:
		names = []string{"all of /" + n.Pattern.String() + "/"}
	}
	for _, name := range names {
		topic, drawn := topics[name]
		if !drawn {
			topic = fmt.Sprintf("t%d", len(topics))
			topics[name] = topic
			d.topics = append(d.topics, box{topic, name})
		}
		if n.Kind == plan.Sink {
			d.arrows = append(d.arrows, arrow{id, topic})
		} else {
			d.arrows = append(d.arrows, arrow{topic, id})
		}
	}
}

// lines writes one line per call.
type lines struct{ strings.Builder }

func (l *lines) add(format string, args ...any) { l.WriteString(fmt.Sprintf(format, args...) + "\n") }
