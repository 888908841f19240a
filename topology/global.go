package topology

import (
	"fmt"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
)

const globalVerb = "ProcessGlobal"

// ProcessGlobal keeps stores that are whole on every instance: setup's function sees each record of all
// partitions of the topic, from its beginning, and writes what it makes of them to the stores whose
// handles are given. They are filled before anything else is processed, and kept up to date by a
// goroutine of their own, so that what another processor reads may be older or newer than the record
// that it has. Any processor may open the handles, without being given them, and read. The topic takes
// the place of a changelog: it must keep what the stores need, as a compacted one does. The topic's
// errors follow its own policies; a dead-letter topic is not written, such records are skipped and
// counted. Kafka: StreamsBuilder.addGlobalStore.
func (b *Builder) ProcessGlobal[K, V any](t Topic[K, V], setup processor.GlobalSetup[K, V], uses ...Use) {
	in := b.call(globalVerb, b.generate(sourcePrefix))
	specs := sourced(in, []Topic[K, V]{t}, settings{})
	in.reads(settings{})
	in.tail.Global = true
	in.source.global = true
	in.binds(func(c binding) any { return newSource(c, specs) })
	b.add(in)

	n := b.call(globalVerb, b.generate(tableSourcePrefix))
	n.processor()
	n.head.SetsUp = true
	b.add(n, in)
	n.needs(setup != nil)
	for i, u := range uses {
		if _, ok := u.(option); ok {
			n.fail(fmt.Sprintf("use %d is an option", i+1), "give handles of stores alone")
			continue
		}
		n.connectWith(i, u)
	}
	if len(n.connected) == 0 {
		n.fail("it keeps no store", "give the handle of one")
	}
	for _, u := range n.connected {
		n.keepsGlobal(u.Name)
	}
	n.binds(func(c binding) any { return processor.RunGlobal(n.environment(c), setup) })
}

// keepsGlobal makes the store a global one, of this step.
func (n *node) keepsGlobal(name string) {
	s := n.builder.stateNamed(name)
	switch {
	case s == nil || s.store.Kind != plan.KeyValue:
		n.fail(fmt.Sprintf("%q is no store of Builder.KeyValueStore", name), "make one for it")
	case s.global != nil:
		n.fail(fmt.Sprintf("the store %q is kept by another ProcessGlobal", name), "make one for each")
	default:
		s.global = n
		s.store.Logged = false // its topic is its changelog
	}
}

// checkGlobals reports who was given a global store's handle.
func (b *Builder) checkGlobals() {
	for _, n := range b.nodes {
		if n.verb == globalVerb {
			continue // see keepsGlobal
		}
		for _, u := range n.connected {
			if s := b.stateNamed(u.Name); s != nil && s.global != nil && s.global != n {
				n.fail(fmt.Sprintf("the store %q is global, so it is not to be given", u.Name), "take the handle out: any processor may read it")
			}
		}
	}
}
