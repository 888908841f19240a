package processor

import "github.com/pitwheel/pitwheel/record"

// Peek calls f with each record and hands it on as it is. Kafka: KStream.peek.
func Peek[K, V any](step *Step, f func(K, V), next Emit[K, V]) Emit[K, V] {
	nulls := nullsOf[K, V](step)
	guarded := func(r *record.Record[K, V]) (err error) {
		defer catch(&err)
		f(r.Key(), r.Value())
		return nil
	}
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
	return Peek(step, f, func(*record.Record[K, V]) error { return nil })
}
