package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/plan"
)

// match finds the topics of the sources with a pattern: those that exist now and are not this
// application's own. use is what each topic is used for. The error names every pattern that matches
// no topic, unless the app runs already, and every topic that two sources would read.
func (t *topics) match(ctx context.Context, use map[string]string, rights map[string][]kafka.Right, running bool) error {
	if len(t.patterns()) == 0 {
		return nil
	}
	matched, wrong, err := t.matching(ctx)
	if err != nil {
		return err
	}
	for _, n := range t.patterns() {
		if len(matched[n]) == 0 && !running {
			wrong = errors.Join(wrong, fmt.Errorf("no topic matches the pattern %q of step %s: create one, or correct the pattern; it must match whole names",
				n.Pattern, n.Name))
		}
		for _, topic := range matched[n] {
			use[topic] = "read by step " + n.Name
			rights[topic] = append(rights[topic], kafka.ReadTopic(topic))
		}
	}
	t.matched = matched
	return wrong
}

// matching are the topics that the patterns match now, sorted. What is wrong with them is that two
// sources would read one.
func (t *topics) matching(ctx context.Context) (matched map[*plan.Node][]string, wrong, err error) {
	all, err := t.admin.AllTopics(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, own := range t.internal() {
		delete(all, own.name)
	}
	readers := map[string]*plan.Node{}
	matched = map[*plan.Node][]string{}
	for _, n := range t.patterns() {
		for _, topic := range slices.Sorted(maps.Keys(all)) {
			if !n.Matches(topic) {
				continue
			}
			if first := readers[topic]; first != nil {
				wrong = errors.Join(wrong, fmt.Errorf("topic %q matches the patterns of two sources, %s and %s, and may be read by one: make a pattern narrower",
					topic, first.Name, n.Name))
				continue
			}
			readers[topic] = n
			matched[n] = append(matched[n], topic)
		}
	}
	return matched, wrong, nil
}

// home is the subtopology whose pattern matches a topic, found or not; -1: none does.
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

// byPattern says whether the topic is read because a pattern matches it.
func (t *topics) byPattern(topic string) bool { return slices.Contains(t.allMatched(), topic) }

func (t *topics) allMatched() []string {
	return slices.Concat(slices.Collect(maps.Values(t.matched))...)
}

// forget takes a topic from those that were matched: brokers that do not all know it yet.
func (t *topics) forget(topic string) {
	for n, names := range t.matched {
		t.matched[n] = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == topic })
	}
}

// rematch looks whether the patterns match other topics than before, and has those that are new read and
// those that are gone forgotten. docs/adr/0013-topics-that-come-and-go.md has how.
func (e *Engine) rematch(ctx context.Context) error {
	before := e.topics()
	same, err := before.stillMatching(ctx)
	if same || err != nil {
		return err
	}
	now, err := prepareTopics(ctx, e.config, e.admin, before)
	if err != nil {
		return err
	}
	if err := before.sameTopics(now); err != nil {
		return err
	}
	read := now.allMatched()
	added := slices.DeleteFunc(slices.Clone(read), before.byPattern)
	gone := slices.DeleteFunc(before.allMatched(), now.byPattern)
	for _, topic := range added {
		e.log.Info("a new topic matches a pattern", "topic", topic, "partitions", now.count(topic))
	}
	now.remember(before, gone)
	for _, topic := range gone {
		e.log.Warn("a topic that a pattern matched was deleted: what of it was not processed is lost", "topic", topic)
	}
	e.moving.Lock()
	e.found.Store(now)
	e.arrange(ctx)
	e.moving.Unlock()
	e.consumer.Subscribe(added)
	e.consumer.Unsubscribe(gone)
	return nil
}

// remember keeps what was known of topics that are gone, for the tasks that read them until they are given up.
func (t *topics) remember(before *topics, gone []string) {
	before.mu.Lock()
	defer before.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, topic := range gone {
		t.known[topic], t.ids[topic] = before.known[topic], before.ids[topic]
	}
}

// stillMatching says whether the patterns match what they did. A broker that has just started may not know
// a topic yet, so it takes two looks to see that one is gone.
func (t *topics) stillMatching(ctx context.Context) (bool, error) {
	for look := 0; ; look++ {
		matched, _, err := t.matching(ctx)
		if err != nil {
			return false, err
		}
		gone := false
		for n, names := range t.matched {
			gone = gone || slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(matched[n], name) })
		}
		if !gone || look > 0 {
			return maps.EqualFunc(t.matched, matched, slices.Equal), nil
		}
		if err := pause(ctx, min(t.config.WatchInterval, time.Second)); err != nil {
			return false, err
		}
	}
}

// vanished are the topics of these that a pattern matched and that are not there any more.
func (t *topics) vanished(ctx context.Context) ([]string, error) {
	names := t.allMatched()
	found, err := t.admin.Topics(ctx, names)
	return slices.DeleteFunc(names, func(name string) bool {
		_, there := found[name]
		return there
	}), err
}
