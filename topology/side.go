package topology

import (
	"fmt"
	"slices"

	"github.com/pitwheel/pitwheel/internal/graph"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

// sideKind is a side output's in graph.Use.
const sideKind = "side output"

// Side is a second, typed way out of processors. Its stream's steps hang under the processors that are
// connected with it: it adds no step. Kafka: ProcessorContext.forward to a child by name.
type Side[K, V any] struct{ side *side[K, V] }

// Side makes a side output. Processors that are given it may emit to it.
func (b *Builder) Side[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Side[K, V] {
	n := b.call("Side", "")
	n.changesKey, n.changesValue = true, true // so repartition topics behind it are not those of other ways out
	if problem := nameProblem(name, ""); problem != "" {
		n.fail("side output: "+problem, nameFix)
	}
	n.checkGiven(fmt.Sprintf("side output %q", name), "Side", key != nil, value != nil)
	s := &side[K, V]{n: n, name: name, key: key, value: value}
	if b.sides == nil {
		b.sides = map[string]sideOutput{}
	}
	if b.sides[name] != nil {
		n.fail(fmt.Sprintf("the side output %q is made a second time", name), "give one of them another name")
	} else {
		b.sides[name] = s
	}
	b.add(n)
	return Side[K, V]{s}
}

// In opens the side output in a task, in the set-up of a processor that is connected with it.
func (s Side[K, V]) In(t store.Task) processor.Emitter[K, V] {
	return t.Lookup(s.Use()).(processor.Emitter[K, V])
}

// Stream is what is emitted to the side output. Its keys are new, so what groups it repartitions.
func (s Side[K, V]) Stream() Stream[K, V] {
	if s.side == nil {
		(*node)(nil).mustBe("Stream")
	}
	return Stream[K, V]{n: s.side.n, key: s.side.key, value: s.side.value, rekeyed: true}
}

// Use is what the handle names.
func (s Side[K, V]) Use() graph.Use {
	if s.side == nil {
		return graph.Use{}
	}
	return graph.Use{Kind: sideKind, Name: s.side.name, Owner: s.side.n.builder.owner}
}

// emitter is the side output in the graph.
func (s Side[K, V]) emitter() *node { return s.side.n }

// side is a side output: in the graph a node that has no part in the plan. Its children are its
// parents'.
type side[K, V any] struct {
	n     *node
	name  string
	key   serde.Serde[K]
	value serde.Serde[V]
}

// sideOutput is a side without its types.
type sideOutput interface {
	node() *node
	// opened is the side output in a processor's task.
	opened(c binding) processor.SideOutput
}

func (s *side[K, V]) node() *node { return s.n }

func (s *side[K, V]) opened(c binding) processor.SideOutput {
	return processor.SideTo(processor.FanOut[K, V](c.of(s.n)))
}

// checkSides reports side outputs that nothing emits to.
func (b *Builder) checkSides() {
	for name, s := range b.sides {
		if n := s.node(); len(n.parents) == 0 {
			n.fail(fmt.Sprintf("nothing emits to the side output %q", name), "give it to a Process, or remove it")
		}
	}
}

// emitters are the nodes of the plan that hand on what comes from the node: itself, or of a side
// output its processors.
func (n *node) emitters() []*node {
	if len(n.parts) > 0 {
		return []*node{n}
	}
	return slices.Clone(n.parents)
}
