package topology

import (
	"fmt"

	"github.com/pitwheel/pitwheel/internal/graph"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
)

// node is what a verb adds to the graph: one node of the plan, or a repartition's three. It knows
// no types; they are in the closures that bind the plan's nodes. Kafka Streams: GraphNode.
type node struct {
	builder *Builder
	name    string
	verb    string // the method that made it
	at      string // where it was called
	order   int    // of the calls, for errors

	// priority orders the writing of nodes whose parents are written.
	priority int
	parents  []*node
	children []*node

	parts  []*plan.Node // in the order in which they are written; none: a side output
	head   *plan.Node   // the one that the parents lead to; nil: a source
	tail   *plan.Node   // the one that the children hang on; nil: a sink, a side output
	stores []*plan.Store

	repartition *plan.Repartition // nil: none
	source      *source           // nil: none

	// What Optimize asks: whether the step changes keys or values; of a repartition topic, whether
	// it may stand elsewhere, and how another is bound like it.
	changesKey   bool
	changesValue bool
	movable      bool
	bindLike     func(other *node)

	// copartitions says that the topics behind this step must be partitioned alike.
	copartitions bool

	// sendsOld says that a table's step sends the old values with the new. askOld is asked for them
	// when somebody wants them, force even if it takes a store; nil: it always sends them.
	sendsOld bool
	askOld   func(force bool) bool

	// connected is what a processor's handles name.
	connected []graph.Use

	// wants look up serdes that were not given with the step, when all are known.
	wants []func()
}

// binding is a node of the plan while a task binds it.
type binding struct {
	plan.Binder
	node *plan.Node
	next []any // what the children bound
}

func (c binding) step() *processor.Step { return c.Step(c.node) }

// bound makes f the node's binding.
func bound(pn *plan.Node, f func(c binding) any) {
	pn.Bind = func(b plan.Binder, next []any) any { return f(binding{b, pn, next}) }
}

// step adds the node of a verb behind n, with the name given in the options or the next
// generated one.
func (n *node) step(verb, prefix string, opts []StepOption) *node {
	n.mustBe(verb)
	s := settingsOf(opts)
	child := n.builder.call(verb, n.builder.named(s, prefix))
	child.processor()
	child.changesKey, child.changesValue = changesKey[prefix], changesValue[prefix]
	child.check(s)
	n.builder.add(child, n)
	return child
}

// mustBe panics for the zero Stream or Table: it has no builder that could report the mistake.
func (n *node) mustBe(verb string) {
	if n == nil {
		panic(fmt.Sprintf("topology: %s of a zero value: streams and tables come from a Builder's methods", verb))
	}
}

// processor makes the node a processor of the plan.
func (n *node) processor() {
	pn := &plan.Node{Name: n.name, Kind: plan.Processor}
	n.parts, n.head, n.tail = []*plan.Node{pn}, pn, pn
}

// binds makes f the binding of a node that is one node of the plan.
func (n *node) binds(f func(c binding) any) *node {
	bound(n.parts[0], f)
	return n
}

// needs reports a function that is nil.
func (n *node) needs(given bool) *node {
	if !given {
		n.fail("the function is nil", "give one")
	}
	return n
}

// keeps makes the store the node's.
func (n *node) keeps(s *plan.Store) {
	n.stores = append(n.stores, s)
	n.uses(s)
}

// uses connects the node with a store that it may share with others.
func (n *node) uses(s *plan.Store) { n.tail.Stores = append(n.tail.Stores, s.Name) }

// enableOld asks a table's step to send old values and says whether it will. Kafka Streams:
// KTableImpl.enableSendingOldValues.
func (n *node) enableOld(force bool) bool {
	if !n.sendsOld {
		n.sendsOld = n.askOld == nil || n.askOld(force)
	}
	return n.sendsOld
}
