package processor

import "github.com/pitwheel/pitwheel/record"

// Filter hands on the records that keep answers true to, as they are. Kafka: KStream.filter.
func Filter[K, V any](step *Step, keep func(K, V) bool, next Emit[K, V]) Emit[K, V] {
	return filter(step, keep, true, next)
}

// FilterNot hands on the records that drop answers false to. Kafka: KStream.filterNot.
func FilterNot[K, V any](step *Step, drop func(K, V) bool, next Emit[K, V]) Emit[K, V] {
	return filter(step, drop, false, next)
}

func filter[K, V any](step *Step, test func(K, V) bool, want bool, next Emit[K, V]) Emit[K, V] {
	nulls := nullsOf[K, V](step)
	guarded := func(r *record.Record[K, V]) (answer bool, err error) {
		defer catch(&err)
		return test(r.Key(), r.Value()), nil
	}
	return func(r *record.Record[K, V]) error {
		if !nulls.shows(r) {
			return nulls.fail(r)
		}
		answer, err := guarded(r)
		if err != nil {
			return step.Fail(Process, err)
		}
		if answer != want {
			return nil
		}
		return next(r)
	}
}

// Repartition stands before a repartition topic: a record without a key has no partition to go to,
// so it goes to the error policy. Kafka Streams drops it there without counting it.
func Repartition[K, V any](step *Step, next Emit[K, V]) Emit[K, V] {
	return func(r *record.Record[K, V]) error {
		if !r.HasKey() {
			return step.Fail(NullPartitionKey, nil)
		}
		return next(r)
	}
}
