package topology

import "github.com/pitwheel/pitwheel/processor"

// The Try forms are verbs whose function may fail. A record whose function returns an error goes to
// the error policy with it, reason "process", as one whose function panics does; nothing of it goes on.
// Their names, nodes and null rules are those of the verbs without Try.

// TryMap is Map for a function that may fail.
func (s Stream[K, V]) TryMap[K2, V2 any](
	f func(K, V) (K2, V2, error), opts ...StepOption,
) Stream[K2, V2] {
	n := s.n.step("TryMap", mapPrefix, opts).needs(f != nil).binds(func(c binding) any {
		return processor.TryMap(c.step(), f, processor.FanOut[K2, V2](c.next))
	})
	return Stream[K2, V2]{n: n, key: carried[K2](s.key), value: carried[V2](s.value), rekeyed: true}
}

// TryMapValues is MapValues for a function that may fail.
func (s Stream[K, V]) TryMapValues[V2 any](
	f func(K, V) (V2, error), opts ...StepOption,
) Stream[K, V2] {
	n := s.n.step("TryMapValues", mapValuesPrefix, opts).needs(f != nil).binds(func(c binding) any {
		return processor.TryMapValues(c.step(), f, processor.FanOut[K, V2](c.next))
	})
	return Stream[K, V2]{n: n, key: s.key, value: carried[V2](s.value), rekeyed: s.rekeyed}
}

// TryFlatMap is FlatMap for a function that may fail: then nothing that it emitted goes on.
func (s Stream[K, V]) TryFlatMap[K2, V2 any](
	f func(k K, v V, emit func(K2, V2)) error, opts ...StepOption,
) Stream[K2, V2] {
	n := s.n.step("TryFlatMap", flatMapPrefix, opts).needs(f != nil).binds(func(c binding) any {
		return processor.TryFlatMap(c.step(), f, processor.FanOut[K2, V2](c.next))
	})
	return Stream[K2, V2]{n: n, key: carried[K2](s.key), value: carried[V2](s.value), rekeyed: true}
}

// TryFlatMapValues is FlatMapValues for a function that may fail: then nothing that it emitted goes
// on.
func (s Stream[K, V]) TryFlatMapValues[V2 any](
	f func(k K, v V, emit func(V2)) error, opts ...StepOption,
) Stream[K, V2] {
	n := s.n.step("TryFlatMapValues", flatMapValuesPrefix, opts).needs(f != nil).binds(func(c binding) any {
		return processor.TryFlatMapValues(c.step(), f, processor.FanOut[K, V2](c.next))
	})
	return Stream[K, V2]{n: n, key: s.key, value: carried[V2](s.value), rekeyed: s.rekeyed}
}

// TryForEach is ForEach for a function that may fail.
func (s Stream[K, V]) TryForEach(f func(K, V) error, opts ...StepOption) {
	s.n.step("TryForEach", forEachPrefix, opts).needs(f != nil).binds(func(c binding) any {
		return processor.TryForEach(c.step(), f)
	})
}
