package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/plan"
)

// match finds the topics of the sources with a pattern: those that exist now and are not this
// application's own. use is what each topic is used for. The error names every pattern that matches
// no topic, and every topic that two sources would read.
func (t *topics) match(ctx context.Context, use map[string]string, rights map[string][]kafka.Right) error {
	patterns := t.patterns()
	if len(patterns) == 0 {
		return nil
	}
	all, err := t.admin.AllTopics(ctx)
	if err != nil {
		return err
	}
	for _, own := range t.internal() {
		delete(all, own.name)
	}
	readers := map[string]*plan.Node{}
	var wrong error
	for _, n := range patterns {
		matches := false
		for _, topic := range slices.Sorted(maps.Keys(all)) {
			if !n.Matches(topic) {
				continue
			}
			matches = true
			if first := readers[topic]; first != nil {
				wrong = errors.Join(wrong, fmt.Errorf("topic %q matches the patterns of two sources, %s and %s, and may be read by one: make a pattern narrower",
					topic, first.Name, n.Name))
				continue
			}
			readers[topic] = n
			t.matched[n] = append(t.matched[n], topic)
			use[topic] = "read by step " + n.Name
			rights[topic] = append(rights[topic], kafka.ReadTopic(topic))
		}
		if !matches {
			wrong = errors.Join(wrong, fmt.Errorf("no topic matches the pattern %q of step %s: create one, or correct the pattern; it must match whole names",
				n.Pattern, n.Name))
		}
	}
	return wrong
}

// home is the subtopology that would read a topic which was not there when this instance started; -1:
// none would.
func (t *topics) home(topic string) int {
	for _, sub := range t.config.Plan.Subtopologies {
		if slices.ContainsFunc(sub.Nodes, func(n *plan.Node) bool { return n.Matches(topic) }) {
			return int(sub.ID)
		}
	}
	return -1
}

// patterns are the sources that have one.
func (t *topics) patterns() []*plan.Node {
	var found []*plan.Node
	for _, sub := range t.config.Plan.Subtopologies {
		for _, n := range sub.Nodes {
			if n.Pattern != nil {
				found = append(found, n)
			}
		}
	}
	return found
}
