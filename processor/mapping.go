package processor

import "github.com/pitwheel/pitwheel/record"

// Map makes another key and value of each record; time and headers stay. Kafka: KStream.map.
func Map[K, V, K2, V2 any](step *Step, f func(K, V) (K2, V2), next Emit[K2, V2]) Emit[K, V] {
	nulls, out := nullsOf[K, V](step), outputTo(next)
	guarded := func(r *record.Record[K, V]) (err error) {
		defer catch(&err)
		out.key, out.value = f(r.Key(), r.Value())
		return nil
	}
	return func(r *record.Record[K, V]) error {
		if !nulls.shows(r) {
			return nulls.fail(r)
		}
		if err := guarded(r); err != nil {
			return step.Fail(Process, err)
		}
		return out.emit(r.Time(), r.Headers())
	}
}

// MapValues makes another value of each record; the key stays. Kafka: KStream.mapValues.
func MapValues[K, V, V2 any](step *Step, f func(K, V) V2, next Emit[K, V2]) Emit[K, V] {
	nulls, out := nullsOf[K, V](step), outputTo(next)
	guarded := func(r *record.Record[K, V]) (err error) {
		defer catch(&err)
		out.value = f(r.Key(), r.Value())
		return nil
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
		out.key = r.Key()
		return out.emitKeyed(!r.HasKey(), r.Time(), r.Headers())
	}
}

// SelectKey makes another key of each record; the value stays. Kafka: KStream.selectKey.
func SelectKey[K, V, K2 any](step *Step, f func(K, V) K2, next Emit[K2, V]) Emit[K, V] {
	nulls, nullKey := nullsOf[K, V](step), record.NullCheck[K2]()
	// They stand outside of the calls because their addresses are taken.
	var (
		key K2
		out record.Record[K2, V]
	)
	guarded := func(r *record.Record[K, V]) (err error) {
		defer catch(&err)
		key = f(r.Key(), r.Value())
		return nil
	}
	return func(r *record.Record[K, V]) error {
		if !nulls.shows(r) {
			return nulls.fail(r)
		}
		if err := guarded(r); err != nil {
			return step.Fail(Process, err)
		}
		noKey := nullKey != nil && nullKey(&key)
		out = record.Make(key, noKey, r.Value(), r.IsTombstone(), r.Time(), r.Headers())
		return next(&out)
	}
}
