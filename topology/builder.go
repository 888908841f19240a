package topology

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/pitwheel/pitwheel/internal/graph"
	"github.com/pitwheel/pitwheel/serde"
)

// Builder collects a topology. It is for one goroutine. Kafka: StreamsBuilder.
type Builder struct {
	nodes  []*node      // in the order of the calls
	errs   []*StepError // in the order in which they were found
	serdes map[reflect.Type]any
	states []*state              // the stores of processors' own
	sides  map[string]sideOutput // by name
	owner  *graph.Owner          // of the handles

	index        int // the number of the next generated name
	priority     int // the next node's
	calls        int
	requireNames bool
	optimized    bool
	built        bool
}

// NewBuilder is an empty topology.
func NewBuilder(opts ...BuilderOption) *Builder {
	b := &Builder{owner: &graph.Owner{}}
	s := settingsOf(opts)
	b.requireNames, b.optimized = s.given[requireNamesOption], s.given[optimizeOption]
	for _, problem := range s.problems {
		b.report(StepError{Verb: "NewBuilder", At: callSite(), Problem: problem, Fix: optionFix})
	}
	return b
}

// UseSerde is the serde of a type of one's own, wherever a step makes that type and nothing nearer
// says otherwise. It may stand before or after those steps.
func (b *Builder) UseSerde[T any](s serde.Serde[T]) {
	n := b.call("UseSerde", "")
	of := reflect.TypeFor[T]()
	_, standard := serde.Standard[T]()
	_, again := b.serdes[of]
	switch {
	case s == nil:
		n.fail(fmt.Sprintf("the serde of %v is nil", of), "give one")
		return
	case standard:
		n.fail(fmt.Sprintf("%v has a standard serde, which comes first", of),
			"give yours to the streams and stores it is for, with WithKeySerde, WithValueSerde or ValueSerde")
	case again:
		n.fail(fmt.Sprintf("%v was given a serde before", of), "give one")
	}
	if b.serdes == nil {
		b.serdes = map[reflect.Type]any{}
	}
	b.serdes[of] = s
}

// Stream reads a topic. The same topic may be read several times, alike; it is then read once.
// Kafka: StreamsBuilder.stream.
func (b *Builder) Stream[K, V any](t Topic[K, V], opts ...SourceOption) Stream[K, V] {
	return read(b, "Stream", Topics(t), opts)
}

// StreamOf reads several topics as one stream, without order among them. Kafka:
// StreamsBuilder.stream.
func (b *Builder) StreamOf[K, V any](ts []Topic[K, V], opts ...SourceOption) Stream[K, V] {
	return read(b, "StreamOf", ts, opts)
}

// Build compiles the topology. Its error joins every mistake of the graph, each a *StepError that
// names the step and the fix. A builder is built once.
func (b *Builder) Build() (*Plan, error) {
	if b.built {
		b.report(StepError{
			Verb: "Build", At: callSite(), order: b.calls,
			Problem: "the builder was built before", Fix: "make another with NewBuilder",
		})
		return nil, b.joined()
	}
	b.built = true
	b.validate()
	if len(b.errs) > 0 {
		return nil, b.joined()
	}
	return &Plan{compiled: compile(b.nodes, b.states)}, nil
}

// joined is every mistake, in the order of the calls.
func (b *Builder) joined() error {
	slices.SortStableFunc(b.errs, func(x, y *StepError) int { return x.order - y.order })
	all := make([]error, len(b.errs))
	for i, err := range b.errs {
		all[i] = err
	}
	return errors.Join(all...)
}

// call notes a call of a verb; add puts what it made into the graph.
func (b *Builder) call(verb, name string) *node {
	b.calls++
	n := &node{builder: b, verb: verb, name: name, at: callSite(), order: b.calls}
	if b.built {
		n.fail("the builder was built before", "call every verb before Build")
	}
	return n
}

// add hangs the node under its parents. A node that is added again is written later: its priority
// is that of the last time. Kafka Streams: InternalStreamsBuilder.addGraphNode.
func (b *Builder) add(n *node, parents ...*node) {
	n.priority = b.priority
	b.priority++
	if !slices.Contains(b.nodes, n) {
		b.nodes = append(b.nodes, n)
	}
	for _, parent := range parents {
		n.hangUnder(parent)
	}
}

// hangUnder makes the node a child of parent, once: a stream merged with itself is that stream.
func (n *node) hangUnder(parent *node) {
	if !slices.Contains(n.parents, parent) {
		n.parents = append(n.parents, parent)
		parent.children = append(parent.children, n)
	}
}
