package processor

import "github.com/pitwheel/pitwheel/record"

// Map makes another key and value of each record; time and headers stay. Kafka: KStream.map.
func Map[K, V, K2, V2 any](step *Step, f func(K, V) (K2, V2), next Emit[K2, V2]) Emit[K, V] {
	return mapRecords(step, func(r *record.Record[K, V]) (key K2, value V2, err error) {
		defer catch(&err)
		key, value = f(r.Key(), r.Value())
		return key, value, nil
	}, next)
}

// TryMap is Map for a function that may fail: then the record goes to the error policy.
func TryMap[K, V, K2, V2 any](
	step *Step, f func(K, V) (K2, V2, error), next Emit[K2, V2],
) Emit[K, V] {
	return mapRecords(step, func(r *record.Record[K, V]) (key K2, value V2, err error) {
		defer catch(&err)
		return f(r.Key(), r.Value())
	}, next)
}

// mapRecords is Map with a guarded function.
func mapRecords[K, V, K2, V2 any](
	step *Step, guarded func(r *record.Record[K, V]) (K2, V2, error), next Emit[K2, V2],
) Emit[K, V] {
	nulls, out := nullsOf[K, V](step), outputTo(next)
	return func(r *record.Record[K, V]) error {
		if !nulls.shows(r) {
			return nulls.fail(r)
		}
		key, value, err := guarded(r)
		if err != nil {
			return step.Fail(Process, err)
		}
		return out.emit(key, value, r.Time(), r.Headers())
	}
}

// MapValues makes another value of each record; the key stays. Kafka: KStream.mapValues.
func MapValues[K, V, V2 any](step *Step, f func(K, V) V2, next Emit[K, V2]) Emit[K, V] {
	return mapValues(step, func(r *record.Record[K, V]) (value V2, err error) {
		defer catch(&err)
		return f(r.Key(), r.Value()), nil
	}, next)
}

// TryMapValues is MapValues for a function that may fail: then the record goes to the error policy.
func TryMapValues[K, V, V2 any](
	step *Step, f func(K, V) (V2, error), next Emit[K, V2],
) Emit[K, V] {
	return mapValues(step, func(r *record.Record[K, V]) (value V2, err error) {
		defer catch(&err)
		return f(r.Key(), r.Value())
	}, next)
}

// mapValues is MapValues with a guarded function.
func mapValues[K, V, V2 any](
	step *Step, guarded func(r *record.Record[K, V]) (V2, error), next Emit[K, V2],
) Emit[K, V] {
	nulls, out := nullsOf[K, V](step), outputTo(next)
	return func(r *record.Record[K, V]) error {
		switch {
		case !nulls.showsValue(r):
			return out.emitTombstone(r.Key(), !r.HasKey(), r.Time(), r.Headers())
		case !nulls.showsKey(r):
			return nulls.fail(r)
		}
		value, err := guarded(r)
		if err != nil {
			return step.Fail(Process, err)
		}
		return out.emitValue(r.Key(), !r.HasKey(), value, r.Time(), r.Headers())
	}
}

// SelectKey makes another key of each record; the value stays. Kafka: KStream.selectKey.
func SelectKey[K, V, K2 any](step *Step, f func(K, V) K2, next Emit[K2, V]) Emit[K, V] {
	nulls, keys := nullsOf[K, V](step), record.NullsOf[K2]()
	var out record.Record[K2, V]
	guarded := func(r *record.Record[K, V]) (key K2, err error) {
		defer catch(&err)
		return f(r.Key(), r.Value()), nil
	}
	return func(r *record.Record[K, V]) error {
		if !nulls.shows(r) {
			return nulls.fail(r)
		}
		key, err := guarded(r)
		if err != nil {
			return step.Fail(Process, err)
		}
		out = record.Make(key, keys.Has(&key), r.Value(), r.IsTombstone(), r.Time(), r.Headers())
		return next(&out)
	}
}
