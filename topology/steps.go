package topology

import (
	"github.com/pitwheel/pitwheel/processor"
)

// The steps that streams and windowed streams share. They are functions of the key as it flows, so
// that no method leads from a type to one that wraps its arguments.

func filter[K, V any](n *node, keep func(K, V) bool) *node {
	return n.needs(keep != nil).binds(func(c binding) any {
		return processor.Filter(c.step(), keep, processor.FanOut[K, V](c.next))
	})
}

func filterNot[K, V any](n *node, drop func(K, V) bool) *node {
	return n.needs(drop != nil).binds(func(c binding) any {
		return processor.FilterNot(c.step(), drop, processor.FanOut[K, V](c.next))
	})
}

func selectKey[K, V, K2 any](n *node, f func(K, V) K2) *node {
	return n.needs(f != nil).binds(func(c binding) any {
		return processor.SelectKey(c.step(), f, processor.FanOut[K2, V](c.next))
	})
}

func mapRecords[K, V, K2, V2 any](n *node, f func(K, V) (K2, V2)) *node {
	return n.needs(f != nil).binds(func(c binding) any {
		return processor.Map(c.step(), f, processor.FanOut[K2, V2](c.next))
	})
}

func mapValues[K, V, V2 any](n *node, f func(K, V) V2) *node {
	return n.needs(f != nil).binds(func(c binding) any {
		return processor.MapValues(c.step(), f, processor.FanOut[K, V2](c.next))
	})
}

func flatMap[K, V, K2, V2 any](n *node, f func(k K, v V, emit func(K2, V2))) *node {
	return n.needs(f != nil).binds(func(c binding) any {
		return processor.FlatMap(c.step(), f, processor.FanOut[K2, V2](c.next))
	})
}

func flatMapValues[K, V, V2 any](n *node, f func(k K, v V, emit func(V2))) *node {
	return n.needs(f != nil).binds(func(c binding) any {
		return processor.FlatMapValues(c.step(), f, processor.FanOut[K, V2](c.next))
	})
}

func peek[K, V any](n *node, f func(K, V)) *node {
	return n.needs(f != nil).binds(func(c binding) any {
		return processor.Peek(c.step(), f, processor.FanOut[K, V](c.next))
	})
}

func forEach[K, V any](n *node, f func(K, V)) {
	n.needs(f != nil).binds(func(c binding) any { return processor.ForEach(c.step(), f) })
}

func toStream[K, V any](n *node) *node {
	return n.binds(func(c binding) any {
		return processor.ToStream(processor.FanOut[K, V](c.next))
	})
}

// merge adds the node where both streams meet.
func merge[K, V any](a, b *node, opts []StepOption) *node {
	n := a.step("Merge", mergePrefix, opts)
	switch {
	case b == nil:
		n.fail("the other stream is a zero value", "take it from a Builder's method")
	case b.builder != a.builder:
		n.fail("the other stream is of another builder", "make both with one Builder")
	default:
		a.builder.add(n, b)
	}
	return n.binds(func(c binding) any {
		return processor.Pass(processor.FanOut[K, V](c.next))
	})
}
