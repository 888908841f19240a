package processor

import "github.com/pitwheel/pitwheel/record"

// FlatMap makes any number of records of each, with its time and headers: those that f gives to
// emit, which must not be called after f has returned. They go on once f has returned, so a
// function that panics hands on nothing. Kafka: KStream.flatMap.
func FlatMap[K, V, K2, V2 any](
	step *Step, f func(k K, v V, emit func(K2, V2)), next Emit[K2, V2],
) Emit[K, V] {
	return TryFlatMap(step, func(k K, v V, emit func(K2, V2)) error {
		f(k, v, emit)
		return nil
	}, next)
}

// TryFlatMap is FlatMap for a function that may fail: then nothing goes on and the record goes to
// the error policy.
func TryFlatMap[K, V, K2, V2 any](
	step *Step, f func(k K, v V, emit func(K2, V2)) error, next Emit[K2, V2],
) Emit[K, V] {
	type pair struct {
		key   K2
		value V2
	}
	nulls, out := nullsOf[K, V](step), outputTo(next)
	var made batch[pair]
	emit := func(k K2, v V2) { made.add(pair{k, v}) }
	guarded := func(r *record.Record[K, V]) (err error) {
		defer catch(&err)
		made.open()
		defer made.close()
		return f(r.Key(), r.Value(), emit)
	}
	return func(r *record.Record[K, V]) error {
		if !nulls.shows(r) {
			return nulls.fail(r)
		}
		if err := guarded(r); err != nil {
			return step.Fail(Process, err)
		}
		for _, p := range made.items {
			if err := out.emit(p.key, p.value, r.Time(), r.Headers()); err != nil {
				return err
			}
		}
		return nil
	}
}

// FlatMapValues is FlatMap for the value alone; the key stays. Kafka: KStream.flatMapValues.
func FlatMapValues[K, V, V2 any](
	step *Step, f func(k K, v V, emit func(V2)), next Emit[K, V2],
) Emit[K, V] {
	return TryFlatMapValues(step, func(k K, v V, emit func(V2)) error {
		f(k, v, emit)
		return nil
	}, next)
}

// TryFlatMapValues is TryFlatMap for the value alone; the key stays.
func TryFlatMapValues[K, V, V2 any](
	step *Step, f func(k K, v V, emit func(V2)) error, next Emit[K, V2],
) Emit[K, V] {
	nulls, out := nullsOf[K, V](step), outputTo(next)
	var made batch[V2]
	emit := func(v V2) { made.add(v) }
	guarded := func(r *record.Record[K, V]) (err error) {
		defer catch(&err)
		made.open()
		defer made.close()
		return f(r.Key(), r.Value(), emit)
	}
	return func(r *record.Record[K, V]) error {
		switch {
		case !nulls.showsValue(r):
			return out.emitTombstone(r.Key(), !r.HasKey(), r.Time(), r.Headers())
		case !nulls.showsKey(r):
			return nulls.fail(r)
		}
		if err := guarded(r); err != nil {
			return step.Fail(Process, err)
		}
		for _, v := range made.items {
			if err := out.emitValue(r.Key(), !r.HasKey(), v, r.Time(), r.Headers()); err != nil {
				return err
			}
		}
		return nil
	}
}

// batch is what one call of a function has given to emit. Its memory is used again.
type batch[T any] struct {
	items  []T
	isOpen bool
}

func (b *batch[T]) open() {
	clear(b.items)
	b.items, b.isOpen = b.items[:0], true
}

func (b *batch[T]) close() { b.isOpen = false }

func (b *batch[T]) add(item T) {
	if !b.isOpen {
		panic("processor: emit was called after the function it was given to had returned")
	}
	b.items = append(b.items, item)
}
