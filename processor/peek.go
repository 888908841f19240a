package processor

import "github.com/pitwheel/pitwheel/record"

// Peek calls f with each record and hands it on as it is. Kafka: KStream.peek.
func Peek[K, V any](step *Step, f func(K, V), next Emit[K, V]) Emit[K, V] {
	return peek(step, func(r *record.Record[K, V]) (err error) {
		defer catch(&err)
		f(r.Key(), r.Value())
		return nil
	}, next)
}

// peek is Peek with a guarded function.
func peek[K, V any](
	step *Step, guarded func(r *record.Record[K, V]) error, next Emit[K, V],
) Emit[K, V] {
	nulls := nullsOf[K, V](step)
	return func(r *record.Record[K, V]) error {
		if nulls.shows(r) {
			if err := guarded(r); err != nil {
				return step.Fail(Process, err)
			}
		}
		return next(r)
	}
}

// ForEach calls f with each record, which ends here. Kafka: KStream.foreach.
func ForEach[K, V any](step *Step, f func(K, V)) Emit[K, V] {
	return Peek(step, f, ended[K, V])
}

// TryForEach is ForEach for a function that may fail: then the record goes to the error policy.
func TryForEach[K, V any](step *Step, f func(K, V) error) Emit[K, V] {
	return peek(step, func(r *record.Record[K, V]) (err error) {
		defer catch(&err)
		return f(r.Key(), r.Value())
	}, ended[K, V])
}

// ended is where records end.
func ended[K, V any](*record.Record[K, V]) error { return nil }
