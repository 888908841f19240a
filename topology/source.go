package topology

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
)

// source is what makes a node read topics.
type source struct {
	topics  []string       // sorted
	pattern *regexp.Regexp // in place of topics; nil: none
	global  bool           // it is read for a global store
	table   bool           // it is read as a table
	custom  bool           // a function of the user's chooses the partitions of one of its topics
	reset   plan.Reset
	onError ErrorPolicies
	// alike says whether another source of the same topics reads them as this one does.
	alike func(other *source) bool
	specs any // []*topicSpec[K, V], in the order of topics
}

func read[K, V any](b *Builder, verb string, ts []Topic[K, V], opts []SourceOption) Stream[K, V] {
	s := settingsOf(opts)
	n := b.call(verb, b.named(s, sourcePrefix))
	specs := sourced(n, ts, s)
	n.reads(s)
	n.binds(func(c binding) any { return newSource(c, specs) })
	b.add(n)
	out := Stream[K, V]{n: n}
	if len(specs) > 0 {
		out.key, out.value = specs[0].key, specs[0].value
	}
	return out
}

// reads makes the node a source of the plan.
func (n *node) reads(s settings) {
	pn := &plan.Node{
		Name: n.name, Kind: plan.Source, Topics: n.source.topics, Pattern: n.source.pattern,
		Reset: s.reset, OnError: s.onError, Custom: n.source.custom,
	}
	n.parts, n.tail = []*plan.Node{pn}, pn
}

// sourced makes the node read topics, checked, and returns them sorted.
func sourced[K, V any](n *node, ts []Topic[K, V], s settings) []*topicSpec[K, V] {
	specs := make([]*topicSpec[K, V], len(ts))
	for i, t := range ts {
		specs[i] = t.or()
		checkTopic(n, t)
	}
	slices.SortFunc(specs, func(x, y *topicSpec[K, V]) int { return strings.Compare(x.name, y.name) })
	src := &source{reset: s.reset, onError: s.onError, specs: specs}
	for _, t := range specs {
		src.topics = append(src.topics, t.name)
		src.custom = src.custom || t.partitioner != nil
	}
	src.alike = func(other *source) bool {
		others, ok := other.specs.([]*topicSpec[K, V])
		return ok && slices.EqualFunc(specs, others, (*topicSpec[K, V]).sameReading)
	}
	n.source = src
	n.check(s)
	n.checkSource()
	return specs
}

// newSource decodes each topic's records with its own serdes.
func newSource[K, V any](c binding, topics []*topicSpec[K, V]) processor.NewSource {
	step, next := c.step(), processor.FanOut[K, V](c.next)
	sources := map[string]processor.NewSource{}
	for _, t := range topics {
		sources[t.name] = processor.NewTypedSource(step, t.reading(), next)
	}
	if len(topics) == 1 {
		return sources[topics[0].name]
	}
	return func(topic string) processor.Source { return sources[topic](topic) }
}

// mergeSources makes one of the sources that read the same topics: the later ones' children hang
// under the first. A table's source stays alone. Kafka Streams:
// InternalStreamsBuilder.mergeDuplicateSourceNodes.
func (b *Builder) mergeSources() {
	first := map[string]*node{}
	var kept []*node
	for _, n := range b.nodes {
		if n.source == nil || !n.mergedInto(first) {
			kept = append(kept, n)
		}
	}
	b.nodes = kept
	b.checkPatterns()
}

// mergedInto moves the node's children to the first source of its topics, if there is one.
func (n *node) mergedInto(first map[string]*node) bool {
	for _, topic := range n.source.claims() {
		main, again := first[topic]
		if !again {
			first[topic] = n
			continue
		}
		if main == n {
			continue // the topic is listed twice, which is an error of its own
		}
		if !n.mergesWith(main) {
			return false
		}
		for _, child := range n.children {
			child.parents = slices.DeleteFunc(child.parents, func(p *node) bool { return p == n })
			child.hangUnder(main)
		}
		return true
	}
	return false
}

// mergesWith reports why the node cannot be one source with main.
func (n *node) mergesWith(main *node) bool {
	a, b := main.source, n.source
	switch {
	case a.global || b.global:
		n.fail(fmt.Sprintf("it reads %v, which is read by %s already: a topic of a global store is read for that alone",
			b.claims(), main.describe()), "read the store, or write the records to a topic of their own")
	case a.table || b.table:
		n.fail(fmt.Sprintf("it reads %v, which is read by %s already: a topic is read once, as a table or as a stream",
			b.claims(), main.describe()), "use that one: a Table has ToStream, a Stream has ToTable")
	case !slices.Equal(a.topics, b.topics):
		n.fail(fmt.Sprintf("it reads %v, %s %v: topics overlap but are not the same",
			b.topics, main.describe(), a.topics),
			"read the topics one by one and merge the streams")
	case !a.alike(b):
		n.fail(fmt.Sprintf("it reads %v with other types, serdes or times than %s",
			b.claims(), main.describe()), "use one Topic value for both")
	case a.reset != b.reset:
		n.fail(fmt.Sprintf("it reads %v with another Reset than %s", b.claims(), main.describe()),
			"give both the same")
	case a.onError != b.onError:
		n.fail(fmt.Sprintf("it reads %v with another OnError than %s", b.claims(), main.describe()),
			"give both the same")
	default:
		return true
	}
	return false
}

// describe names the step and its line.
func (n *node) describe() string {
	if n.at == "" {
		return n.name
	}
	return n.name + " (" + n.at + ")"
}
