package processor

import (
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// SessionConfig says which sessions an aggregation is over.
type SessionConfig struct {
	Sessions windowing.Sessions // valid: Validate has found nothing
	Counts   bool               // the function looks at no value: a null one is not in its way
}

// Sessioned is how a session's aggregate is made of its records.
type Sessioned[K, V, A any] struct {
	zero  func() A // nil: the first value is the first aggregate, as start makes it
	start func(v V) A
	add   func(k K, v V, a A) A
	merge func(k K, a, b A) A
}

// FoldSessions begins with zero's answer, adds records with add, and joins sessions that have become one
// with merge, also zero's answer with the first. Kafka: SessionWindowedKStream.aggregate.
func FoldSessions[K, V, A any](zero func() A, add func(K, V, A) A, merge func(k K, a, b A) A) Sessioned[K, V, A] {
	return Sessioned[K, V, A]{zero: zero, add: add, merge: merge}
}

// ReduceSessions begins with the first value, and makes with f one of each two. Kafka:
// SessionWindowedKStream.reduce.
func ReduceSessions[K, V any](f func(k K, a, v V) V) Sessioned[K, V, V] {
	return Sessioned[K, V, V]{
		start: func(v V) V { return v },
		add:   func(k K, v, a V) V { return f(k, a, v) },
		merge: f,
	}
}

// AggregateSessions is Aggregate for each session. A record joins the sessions that have a time at most
// the gap from its own, which become one: those that were are handed on as tombstones, then the new one.
// It is late if what would become of it ended before stream time minus grace and gap. Results have their
// session's end as time. Unlike in Aggregate, a null value is aggregated where V holds null. Kafka:
// KStreamSessionWindowAggregate.
func AggregateSessions[K, V, A any](
	step *Step, s *store.SessionStore[K, A], w SessionConfig, how Sessioned[K, V, A],
	out ChangeOut[windowing.Key[K], A],
) Emit[K, V] {
	a := &sessions[K, V, A]{
		step: step, rows: s, how: how, counts: w.Counts,
		gap:        record.Time(w.Sessions.Gap() / time.Millisecond),
		grace:      record.Time(w.Sessions.GracePeriod() / time.Millisecond),
		nulls:      nullsOf[K, V](step),
		streamTime: -1,
		out:        updatesTo(step, out),
	}
	if out.OnClose != nil {
		a.closing = newTimeClosing[K](s, 0, out)
	}
	return a.process
}

type sessions[K, V, A any] struct {
	step       *Step
	rows       *store.SessionStore[K, A]
	how        Sessioned[K, V, A]
	gap, grace record.Time
	counts     bool
	nulls      inputNulls[K, V]

	streamTime record.Time // the highest time seen; -1 before the first
	out        *updates[windowing.Key[K], A]
	closing    *timeClosing[K, A] // nil: the updates go out
	met        []store.SessionRow[A]
}

func (a *sessions[K, V, A]) process(r *record.Record[K, V]) error {
	if !r.HasKey() {
		return a.step.Fail(NullKey, nil)
	}
	a.streamTime = max(a.streamTime, r.Time())
	closeTime := a.streamTime - a.grace - a.gap
	failed, err := a.update(r, closeTime)
	if err != nil || failed || a.closing == nil {
		return err
	}
	return a.closing.emit(closeTime, r.Headers())
}

// update makes the record's session. If it failed by another reason than being late, the step is done with
// the record.
func (a *sessions[K, V, A]) update(r *record.Record[K, V], closeTime record.Time) (failed bool, err error) {
	if !a.counts && !a.nulls.showsValue(r) {
		return false, a.step.Fail(NullValue, nil)
	}
	into := a.meet(r)
	if into.End < closeTime {
		return false, a.step.Fail(Late, &LateError{
			Start: into.Start, End: into.End, HoldsEnd: true, StreamTime: a.streamTime,
		})
	}
	f, err := a.fold(r)
	if err != nil {
		return true, a.step.Fail(Process, err)
	}
	if into.Start < into.End { // else it is there, or is new
		for i := range a.met {
			if err := a.replace(r, &a.met[i]); err != nil {
				return true, err
			}
		}
	}
	return false, a.put(r, into, f)
}

// meet finds the sessions that the record joins, and says which they become.
func (a *sessions[K, V, A]) meet(r *record.Record[K, V]) windowing.Key[K] {
	t := r.Time()
	clear(a.met)
	a.met = a.rows.Run(a.met[:0], r.Key(), max(0, t-a.gap), t+min(a.gap, store.EndOfTime-t))
	into := windowing.Key[K]{Key: r.Key(), Start: t, End: t}
	for i := range a.met {
		into.Start, into.End = min(into.Start, a.met[i].Start), max(into.End, a.met[i].End)
	}
	return into
}

// fold is the aggregate of the sessions that were met and the record. The functions are the user's; what they
// panic with is the error.
func (a *sessions[K, V, A]) fold(r *record.Record[K, V]) (f folded[A], err error) {
	defer catch(&err)
	has := a.how.zero != nil
	if has {
		f.new = a.how.zero()
	}
	for i := range a.met {
		if has {
			f.new = a.how.merge(r.Key(), f.new, a.met[i].Value)
		} else {
			f.new = a.met[i].Value
		}
		// A reduction that came to null begins anew.
		has = a.how.zero != nil || !a.out.nulls.Has(&f.new)
	}
	if has {
		f.new = a.how.add(r.Key(), r.Value(), f.new)
	} else {
		f.new = a.how.start(r.Value())
	}
	return f, nil
}

// replace removes a session that has become another.
func (a *sessions[K, V, A]) replace(r *record.Record[K, V], met *store.SessionRow[A]) error {
	key := windowing.Key[K]{Key: r.Key(), Start: met.Start, End: met.End}
	stored, _, had := a.rows.Find(key)
	a.rows.Remove(r.Time())
	if a.closing != nil {
		return nil
	}
	c := &a.out.change
	*c = Change[windowing.Key[K], A]{Key: key, Old: met.Value, HasOld: true, Time: met.End, Headers: a.headers(r)}
	return a.out.emit(stored, had, met.End)
}

// headers are those of an update: as in Kafka Streams it has none, but from the record cache it has the
// record's.
func (a *sessions[K, V, A]) headers(r *record.Record[K, V]) record.Headers {
	if a.out.cache == nil {
		return nil
	}
	return r.Headers()
}

// put writes the session and hands it on, without an old value: what was is gone.
func (a *sessions[K, V, A]) put(r *record.Record[K, V], key windowing.Key[K], f folded[A]) error {
	stored, _, had := a.rows.Find(key)
	c := a.out.make(key, f, key.End, a.headers(r))
	if c.HasNew {
		a.rows.Set(c.New, r.Time())
	} else {
		a.rows.Remove(r.Time())
	}
	if a.closing != nil {
		a.closing.wrote(key.End)
		return nil
	}
	return a.out.emit(stored, had, key.End)
}
