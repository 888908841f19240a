package topology

import (
	"fmt"
	"slices"

	"github.com/pitwheel/pitwheel/internal/graph"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// Process runs a processor, which may change keys: what groups behind it repartitions. uses are the
// handles of the stores and the side outputs that it opens, and Name. A processor that opens another
// one is an error where the plan is first given to an app or a test driver. Kafka: KStream.process.
func (s Stream[K, V]) Process[K2, V2 any](setup processor.Setup[K, V, K2, V2], uses ...Use) Stream[K2, V2] {
	n := process(s.n, setup, uses)
	return Stream[K2, V2]{n: n, key: carried[K2](s.key), value: carried[V2](s.value), rekeyed: true}
}

// ProcessValues is Process for a processor that cannot change keys. Kafka: KStream.processValues.
func (s Stream[K, V]) ProcessValues[V2 any](setup processor.ValueSetup[K, V, V2], uses ...Use) Stream[K, V2] {
	n := processValues(s.n, setup, uses)
	return Stream[K, V2]{n: n, key: s.key, value: carried[V2](s.value), rekeyed: s.rekeyed}
}

// Process runs a processor, which makes plain keys of the keys and windows. See Stream.Process.
func (s WindowedStream[K, V]) Process[K2, V2 any](
	setup processor.Setup[windowing.Key[K], V, K2, V2], uses ...Use,
) Stream[K2, V2] {
	n := process(s.n, setup, uses)
	return Stream[K2, V2]{n: n, value: carried[V2](s.value), rekeyed: true}
}

// ProcessValues is Process for a processor that cannot change keys. See Stream.ProcessValues.
func (s WindowedStream[K, V]) ProcessValues[V2 any](
	setup processor.ValueSetup[windowing.Key[K], V, V2], uses ...Use,
) WindowedStream[K, V2] {
	n := processValues(s.n, setup, uses)
	return WindowedStream[K, V2]{n: n, key: s.key, value: carried[V2](s.value)}
}

func process[K, V, K2, V2 any](parent *node, setup processor.Setup[K, V, K2, V2], uses []Use) *node {
	n := parent.processing("Process", processorPrefix, uses)
	return n.needs(setup != nil).binds(func(c binding) any {
		return processor.Run(n.environment(c), setup, processor.FanOut[K2, V2](c.of(n)))
	})
}

func processValues[K, V, V2 any](parent *node, setup processor.ValueSetup[K, V, V2], uses []Use) *node {
	n := parent.processing("ProcessValues", processValuesPrefix, uses)
	return n.needs(setup != nil).binds(func(c binding) any {
		return processor.RunValues(n.environment(c), setup, processor.FanOut[K, V2](c.of(n)))
	})
}

// processing adds the node of a processor behind n. A given name takes no number here. Kafka Streams:
// KStreamImpl.process, ProcessorToStateConnectorNode.
func (n *node) processing(verb, prefix string, uses []Use) *node {
	n.mustBe(verb)
	b := n.builder
	var opts []option
	var handles []Use
	for _, u := range uses {
		if o, ok := u.(option); ok {
			opts = append(opts, o)
		} else {
			handles = append(handles, u)
		}
	}
	s := settingsOf(opts)
	name := s.name
	if !s.given[nameOption] {
		name = b.generate(prefix)
	}
	p := b.call(verb, name)
	p.processor()
	p.head.SetsUp = true
	p.changesKey, p.changesValue = changesKey[prefix], changesValue[prefix]
	p.check(s)
	b.add(p, n)
	for i, u := range handles {
		p.connectWith(i, u)
	}
	return p
}

// connectWith notes what a processor is to be connected with.
func (n *node) connectWith(i int, u Use) {
	if u == nil {
		n.fail(fmt.Sprintf("use %d is nil", i+1), "give a handle that a Builder or a table made")
		return
	}
	use := u.Use()
	switch {
	case use.Owner == nil:
		n.fail(fmt.Sprintf("use %d is a zero value", i+1), "give a handle that a Builder or a table made")
	case use.Owner != n.builder.owner:
		n.fail(fmt.Sprintf("the %s %q is of another builder", use.Kind, use.Name), "make both with one Builder")
	case slices.Contains(n.connected, use):
		n.fail(fmt.Sprintf("the %s %q is given twice", use.Kind, use.Name), "give it once")
	default:
		n.connected = append(n.connected, use)
		if side, ok := u.(interface{ emitter() *node }); ok {
			n.emitsTo(side.emitter(), use.Name)
		}
	}
}

// emitsTo hangs a side output under the processor.
func (n *node) emitsTo(side *node, name string) {
	if n.above(func(p *node) bool { return p == side }) != nil {
		n.fail(fmt.Sprintf("it comes after the side output %q, which it would emit to: records would go round", name),
			"write them to a topic that is read again")
		return
	}
	side.hangUnder(n)
}

// environment is what the processor reaches in its task.
func (n *node) environment(c binding) processor.Environment {
	return processor.Environment{
		Step: c.step(), Task: c.Runtime(),
		Open: func(u graph.Use) any {
			if s := n.builder.stateNamed(u.Name); s != nil && s.global != nil && s.global != n && u.Owner == n.builder.owner {
				return c.Global(u.Name)
			}
			if !slices.Contains(n.connected, u) {
				return nil
			}
			return n.builder.open(c, u)
		},
	}
}

// open is what a handle of the builder's names.
func (b *Builder) open(c binding, u graph.Use) any {
	if u.Kind == sideKind {
		return b.sides[u.Name].opened(c)
	}
	s := c.Store(u.Name)
	if b.stateNamed(u.Name) == nil {
		return store.ReadOnly(s) // a step keeps it
	}
	return s
}

// of are the children that hang under parent: under the processor itself or under one of its sides.
func (c binding) of(parent *node) []any {
	var next []any
	for i, child := range c.node.Children {
		if slices.ContainsFunc(parent.children, func(n *node) bool { return n.head == child }) {
			next = append(next, c.next[i])
		}
	}
	return next
}
