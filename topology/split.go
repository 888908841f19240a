package topology

import (
	"strconv"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
)

// Split sends each record to its first branch, in the order of the Branch calls, that wants it.
// What no branch wants goes to the default branch, or nowhere. Kafka: BranchedKStream.
type Split[K, V any] struct {
	from     Stream[K, V] // at the splitting step
	branches *branches[K, V]
}

// branches grow with the calls after Split.
type branches[K, V any] struct {
	wants     []func(K, V) bool
	children  []*plan.Node // of wants
	otherwise *plan.Node   // nil: nowhere
}

func split[K, V any](s Stream[K, V], n *node) Split[K, V] {
	s.n = n
	b := &branches[K, V]{}
	n.binds(func(c binding) any {
		emits := map[*plan.Node]processor.Emit[K, V]{}
		for i, child := range c.node.Children {
			emits[child] = c.next[i].(processor.Emit[K, V])
		}
		next := make([]processor.Emit[K, V], len(b.wants))
		for i, child := range b.children {
			next[i] = emits[child]
		}
		return processor.Split(c.step(), b.wants, next, emits[b.otherwise])
	})
	return Split[K, V]{from: s, branches: b}
}

// Branch is the records that want answers true to and no branch before it wanted. Its step is
// called like the split's, with name behind; an empty name is the branch's number, from 1. Kafka:
// BranchedKStream.branch, Branched.as.
func (s Split[K, V]) Branch(name string, want func(K, V) bool) Stream[K, V] {
	s.from.n.mustBe("Branch")
	s.branches.wants = append(s.branches.wants, want)
	out := s.branch("Branch", name, len(s.branches.wants))
	out.n.needs(want != nil)
	s.branches.children = append(s.branches.children, out.n.head)
	return out
}

// Default is the records that no branch wants. Its step is called like the split's, with name
// behind; an empty name is 0. Kafka: BranchedKStream.defaultBranch.
func (s Split[K, V]) Default(name string) Stream[K, V] {
	s.from.n.mustBe("Default")
	out := s.branch("Default", name, 0)
	if s.branches.otherwise != nil {
		out.n.fail("the split has a default branch already", "use the stream that it returned")
	}
	s.branches.otherwise = out.n.head
	return out
}

// branch adds the step that a branch begins with.
func (s Split[K, V]) branch(verb, name string, number int) Stream[K, V] {
	if name == "" {
		name = strconv.Itoa(number)
	}
	splitter := s.from.n
	n := splitter.builder.call(verb, splitter.name+name)
	splitter.builder.generate(branchPrefix) // it counts, as every step does
	n.checkName(n.name, "")
	n.processor()
	n.binds(func(c binding) any { return processor.Pass(processor.FanOut[K, V](c.next)) })
	splitter.builder.add(n, splitter)
	s.from.n = n
	return s.from
}
