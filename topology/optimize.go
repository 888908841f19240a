package topology

import (
	"fmt"
	"slices"
)

// mergeRepartitions makes one repartition topic of those that may stand behind the same node, which
// is one that changes keys, or where streams merge of which some have new keys. The one topic is
// called after the first of them. Kafka Streams: InternalStreamsBuilder.mergeRepartitionTopics.
//
// Kafka Streams follows the first way up from a topic only. Here all ways must lead to the node,
// for a record that comes another way would not be partitioned by its key.
func (b *Builder) mergeRepartitions() {
	var anchors []*node
	topics := map[*node][]*node{}
	for _, n := range b.nodes {
		if anchor := n.anchor(); anchor != nil {
			topics[anchor] = append(topics[anchor], n)
		}
		if n.changesKey {
			anchors = append(anchors, n)
		}
	}
	for _, anchor := range b.atMerges(anchors, topics) {
		movable := slices.DeleteFunc(topics[anchor], func(n *node) bool {
			return !slices.Contains(b.nodes, n) || !n.comesFrom(anchor, map[*node]bool{})
		})
		if len(movable) > 0 {
			b.mergeBehind(anchor, movable)
		}
	}
}

// anchor is the nearest step above a movable repartition topic that changes keys, if none is nearer
// that changes values. Kafka Streams: InternalStreamsBuilder.getKeyChangingParentNode.
func (n *node) anchor() *node {
	if !n.movable {
		return nil
	}
	nearest := n.above(func(p *node) bool { return p.changesKey || p.changesValue })
	if nearest == nil || !nearest.changesKey {
		return nil
	}
	return nearest
}

// above is the first node above for which is holds, following each way up in turn; nil: none. Kafka
// Streams: InternalStreamsBuilder.findParentNodeMatching.
func (n *node) above(is func(*node) bool) *node {
	seen := map[*node]bool{}
	var climb func(n *node) *node
	climb = func(n *node) *node {
		for _, parent := range n.parents {
			if seen[parent] {
				continue
			}
			seen[parent] = true
			if is(parent) {
				return parent
			}
			if found := climb(parent); found != nil {
				return found
			}
		}
		return nil
	}
	return climb(n)
}

// atMerges puts a merge in the place of the anchors above it all of whose topics are below it: they
// share one topic behind the merge. The nearest merge comes first. Kafka Streams:
// InternalStreamsBuilder.maybeUpdateKeyChangingRepartitionNodeMap.
func (b *Builder) atMerges(anchors []*node, topics map[*node][]*node) []*node {
	var merges []*node
	replaced := map[*node]bool{}
	for _, merge := range b.nodes {
		if merge.verb != "Merge" {
			continue
		}
		isMerge := func(n *node) bool { return n == merge }
		for _, anchor := range anchors {
			below := func(topic *node) bool { return topic.above(isMerge) != nil }
			if merge.above(func(n *node) bool { return n == anchor }) != nil && all(topics[anchor], below) {
				topics[merge] = append(topics[merge], topics[anchor]...)
				replaced[anchor] = true
			}
		}
		merges = slices.Insert(merges, 0, merge)
	}
	anchors = slices.DeleteFunc(anchors, func(n *node) bool { return replaced[n] })
	return append(anchors, merges...)
}

func all(nodes []*node, is func(*node) bool) bool {
	return !slices.ContainsFunc(nodes, func(n *node) bool { return !is(n) })
}

// comesFrom says whether all that comes to the node has come from the anchor, keys and values as they
// were there.
func (n *node) comesFrom(anchor *node, seen map[*node]bool) bool {
	return all(n.parents, func(p *node) bool {
		if p == anchor || seen[p] {
			return true
		}
		seen[p] = true
		return len(p.parents) > 0 && !p.changesKey && !p.changesValue && p.comesFrom(anchor, seen)
	})
}

// mergeBehind puts one topic behind the anchor in the place of those, and under it what stood
// between the anchor and them.
func (b *Builder) mergeBehind(anchor *node, topics []*node) {
	first := topics[0]
	one := b.through(first, first.repartition.Topic)
	one.priority, one.movable = anchor.priority, true
	first.bindLike(one)
	b.nodes = append(b.nodes, one)
	for _, topic := range topics {
		for _, child := range slices.Clone(anchor.children) {
			isChild := func(n *node) bool { return n == child }
			if isChild(topic) || topic.above(isChild) != nil {
				child.moveTo(one, anchor)
			}
		}
		b.dissolve(topic)
	}
	one.hangUnder(anchor)
}

// moveTo makes the node a child of another parent.
func (n *node) moveTo(parent, old *node) {
	n.leave(old)
	n.hangUnder(parent)
}

func (n *node) leave(parent *node) {
	n.parents = without(n.parents, parent)
	parent.children = without(parent.children, n)
}

// dissolve takes the node out; its children hang under its parent.
func (b *Builder) dissolve(n *node) {
	parent := n.parents[0]
	for _, child := range slices.Clone(n.children) {
		child.moveTo(parent, n)
	}
	n.leave(parent)
	b.nodes = without(b.nodes, n)
}

func without(nodes []*node, gone *node) []*node {
	return slices.DeleteFunc(nodes, func(n *node) bool { return n == gone })
}

// reuseSources lets the topics of tables' sources take the place of their changelogs. Kafka Streams:
// InternalStreamsBuilder.reuseKTableSourceTopics.
func (b *Builder) reuseSources() {
	for _, n := range b.nodes {
		if n.source == nil || !n.source.table {
			continue
		}
		for _, s := range n.stores {
			if len(s.TopicConfig) > 0 {
				n.fail(fmt.Sprintf("the option TopicConfig is given, but with Optimize the changelog is topic %q", n.source.topics[0]),
					optionFix)
			}
			s.Logged, s.Source = false, n.source.topics[0]
		}
	}
}
