package topology

import (
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
)

// to adds the node that writes to a topic.
func to[K, V any](parent *node, t Topic[K, V], opts []StepOption) {
	n := parent.sink("To", opts)
	n.head.Topics = []string{t.Name()}
	checkTopic(n, t)
	n.binds(func(c binding) any {
		return processor.Sink(c.step(), c.Topic(t.Name(), false), sinkConfig(t))
	})
}

// toDynamic adds the node that chooses the topic record by record.
func toDynamic[K, V any](parent *node, t Topic[K, V], name func(K, V) string, opts []StepOption) {
	n := parent.sink("ToDynamic", opts)
	checkSerdes(n, t)
	n.needs(name != nil).binds(func(c binding) any {
		topic := func(name string) *processor.Topic { return c.Topic(name, false) }
		return processor.DynamicSink(c.step(), name, topic, sinkConfig(t))
	})
}

func sinkConfig[K, V any](t Topic[K, V]) processor.SinkConfig[K, V] {
	spec := t.or()
	return processor.SinkConfig[K, V]{Key: spec.key, Value: spec.value, Partitioner: spec.partitioner}
}

// sink is step for a node that writes.
func (n *node) sink(verb string, opts []StepOption) *node {
	sink := n.step(verb, sinkPrefix, opts)
	sink.head.Kind, sink.tail = plan.Sink, nil
	return sink
}
