package topology

import (
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
)

// through makes the node of a repartition topic for a step: three nodes of the plan, one that
// drops what has no key, one that writes the topic and one that reads it. The three names count
// whether they are used or not. name is what the topic is called after. Kafka Streams:
// KStreamImpl.createRepartitionedSource.
func (b *Builder) through(step *node, name string) *node {
	sink, filter, source := b.generate(sinkPrefix), b.generate(filterPrefix), b.generate(sourcePrefix)
	topic := repartitionTopic(name)
	if !generatedName.MatchString(name) {
		sink, filter, source = topic+"-sink", topic+"-filter", topic+"-source"
	}
	topics := []string{topic}
	drop := &plan.Node{Name: filter, Kind: plan.Processor}
	write := &plan.Node{Name: sink, Kind: plan.Sink, Topics: topics, Internal: true}
	read := &plan.Node{Name: source, Kind: plan.Source, Topics: topics, Internal: true}
	drop.Children, write.Parents = []*plan.Node{write}, []*plan.Node{drop}
	return &node{
		builder: b, verb: step.verb, at: step.at, order: step.order, name: source,
		parts: []*plan.Node{drop, write, read}, head: drop, tail: read,
		repartition: &plan.Repartition{Topic: topic},
	}
}

// repartition adds the node of a repartition topic that the user asked for.
func repartition[K, V any](s Stream[K, V], verb string, by Partitioner[K, V], opts []RepartitionOption) Stream[K, V] {
	s.n.mustBe(verb)
	set := settingsOf(opts)
	name := set.name
	if !set.given[nameOption] {
		name = s.n.builder.generate(repartitionPrefix)
	}
	n := s.n.builder.through(s.n.builder.call(verb, ""), name)
	n.repartition.Partitions = set.partitions
	n.checkRepartition(set)
	s.n.builder.add(n, s.n)
	s.n = partitionedBy(n, want(n, s.key, "the key", keyFix), want(n, s.value, "the value", valueFix), by)
	s.rekeyed = false
	return s
}

// partitionedBy binds the three nodes; by chooses the partition, nil: Kafka's default.
func partitionedBy[K, V any](n *node, key *wanted[K], value *wanted[V], by Partitioner[K, V]) *node {
	n.bindLike = func(other *node) { partitionedBy(other, key, value, by) }
	drop, write, read := n.parts[0], n.parts[1], n.parts[2]
	read.Custom = by != nil
	topic := n.repartition.Topic
	bound(drop, func(c binding) any {
		return processor.Repartition(c.step(), processor.FanOut[K, V](c.next))
	})
	bound(write, func(c binding) any {
		return processor.Sink(c.step(), c.Topic(topic, true), processor.SinkConfig[K, V]{
			Key: key.serde, Value: value.serde, Partitioner: by,
		})
	})
	bound(read, func(c binding) any {
		return processor.NewTypedSource(c.step(), processor.SourceConfig[K, V]{
			Key: key.serde, Value: value.serde,
		}, processor.FanOut[K, V](c.next))
	})
	return n
}
