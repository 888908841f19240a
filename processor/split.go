package processor

import "github.com/pitwheel/pitwheel/record"

// Split hands each record, as it is, to the first of next whose function of wants answers true,
// else to otherwise; nil: such a record ends here. A function that panics ends the asking: the
// record goes to the error policy. Kafka: KStreamBranch.
func Split[K, V any](
	step *Step, wants []func(K, V) bool, next []Emit[K, V], otherwise Emit[K, V],
) Emit[K, V] {
	nulls := nullsOf[K, V](step)
	guarded := func(r *record.Record[K, V]) (chosen Emit[K, V], err error) {
		defer catch(&err)
		for i, want := range wants {
			if want(r.Key(), r.Value()) {
				return next[i], nil
			}
		}
		return otherwise, nil
	}
	return func(r *record.Record[K, V]) error {
		if !nulls.shows(r) {
			return nulls.fail(r)
		}
		chosen, err := guarded(r)
		if err != nil {
			return step.Fail(Process, err)
		}
		if chosen == nil {
			return nil
		}
		return chosen(r)
	}
}
