package topology

import (
	"fmt"
	"regexp"
	"time"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// TopicPattern is the topics whose names, from beginning to end, match an expression, with what
// their bytes mean. The zero TopicPattern is an error of Build. Kafka: a Pattern and Consumed.
type TopicPattern[K, V any] struct {
	name *regexp.Regexp
	like *topicSpec[K, V]
}

// NewTopicPattern is the topics whose names match. What is wrong with it is an error of Build.
func NewTopicPattern[K, V any](
	name *regexp.Regexp, key serde.Serde[K], value serde.Serde[V],
) TopicPattern[K, V] {
	if name != nil {
		// The leftmost longest match is the whole name wherever any match is.
		name = regexp.MustCompile(name.String())
		name.Longest()
	}
	return TopicPattern[K, V]{name, &topicSpec[K, V]{key: key, value: value}}
}

// Topic is one of the topics, for the test driver and producers.
func (p TopicPattern[K, V]) Topic(name string) Topic[K, V] {
	spec := *Topic[K, V]{p.like}.or()
	spec.name = name
	return Topic[K, V]{&spec}
}

// WithEventTime is Topic.WithEventTime for all of the topics.
func (p TopicPattern[K, V]) WithEventTime(f func(key K, value V) time.Time) TopicPattern[K, V] {
	return TopicPattern[K, V]{p.name, Topic[K, V]{p.like}.WithEventTime(f).spec}
}

// WithTimestamp is Topic.WithTimestamp for all of the topics.
func (p TopicPattern[K, V]) WithTimestamp(
	f func(r record.Record[K, V], partitionTime record.Time) record.Time,
) TopicPattern[K, V] {
	return TopicPattern[K, V]{p.name, Topic[K, V]{p.like}.WithTimestamp(f).spec}
}

// StreamMatching reads the topics that match as one stream, without order among them. An app reads
// those that exist when it starts, of which there must be one, and those that are made later, but not its
// own internal ones. One that is deleted is forgotten. Kafka: StreamsBuilder.stream(Pattern).
func (b *Builder) StreamMatching[K, V any](p TopicPattern[K, V], opts ...SourceOption) Stream[K, V] {
	s := settingsOf(opts)
	n := b.call("StreamMatching", b.named(s, sourcePrefix))
	spec := Topic[K, V]{p.like}.or()
	n.source = &source{reset: s.reset, onError: s.onError, pattern: p.name, specs: spec}
	n.source.alike = func(other *source) bool {
		o, ok := other.specs.(*topicSpec[K, V])
		return ok && spec.sameReading(o)
	}
	n.check(s)
	if p.name == nil {
		n.fail("the pattern is nil", "make it with NewTopicPattern and a regular expression")
	} else {
		n.checkGiven(fmt.Sprintf("the pattern %q", p.name), "NewTopicPattern", spec.key != nil, spec.value != nil)
		n.checkSource()
	}
	n.reads(s)
	n.binds(func(c binding) any {
		return processor.NewTypedSource(c.step(), spec.reading(), processor.FanOut[K, V](c.next))
	})
	b.add(n)
	return Stream[K, V]{n: n, key: spec.key, value: spec.value}
}

// claims are what a source has for itself: its topics, or else its pattern between slashes, which no
// topic's name contains.
func (s *source) claims() []string {
	if s.pattern != nil {
		return []string{"/" + s.pattern.String() + "/"}
	}
	return s.topics
}

// checkPatterns reports the topics that a source names and another's pattern matches.
func (b *Builder) checkPatterns() {
	for _, n := range b.nodes {
		if n.source == nil || n.source.pattern == nil {
			continue
		}
		all := plan.Node{Pattern: n.source.pattern}
		for _, other := range b.nodes {
			if other.source == nil {
				continue
			}
			for _, topic := range other.source.topics {
				if all.Matches(topic) {
					n.fail(fmt.Sprintf("topic %q matches the pattern and is read by %s too", topic, other.describe()),
						"read it once: make the pattern narrower, or leave the topic to it")
				}
			}
		}
	}
}
