package reactor

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/tracing"
)

// refusals are the records that brokers have refused for good, of a loop's tasks. A refusal shows
// when the record's step is long done, and what was produced with it is given up. So what led to it
// is processed again, and then the step that puts out the same record fails with it: its policy is
// asked as for any other failure, with the record it came from at hand and in the same commit.
type refusals struct {
	known    map[uint64]*refusal
	commits  int // since the last one was found
	searches int // that found some, since the last commit
}

type refusal struct {
	output processor.Output
	err    error
	met    bool // since the last commit
}

// keepRefusals is for how many commits refusals are kept that were not met again: what is processed
// again may have become something else.
const keepRefusals = 100

var refusalSeed = maphash.MakeSeed()

// maxSearches of finding refused records, without a commit between them, end the loop: what is found each
// time was not there the time before, so that no policy will ever be asked.
const maxSearches = 100

// fingerprint is of all that a broker judges a record by. The partition is not: records without a key
// get another one each time. Nor is the trace context, which is put to it later and each time anew.
func fingerprint(out *processor.Output) uint64 {
	var h maphash.Hash
	h.SetSeed(refusalSeed)
	write := func(b []byte) {
		maphash.WriteComparable(&h, len(b))
		_, _ = h.Write(b)
	}
	write([]byte(out.Topic.Name))
	write(out.Key)
	write(out.Value)
	maphash.WriteComparable(&h, out.Time)
	for _, header := range out.Headers {
		if !traces(header) {
			write([]byte(header.Key))
			write(header.Value)
		}
	}
	return h.Sum64()
}

func traces(h record.Header) bool {
	return h.Key == tracing.TraceparentHeader || h.Key == tracing.TracestateHeader
}

func withoutTrace(headers record.Headers) record.Headers {
	if !slices.ContainsFunc(headers, traces) {
		return headers
	}
	return slices.DeleteFunc(slices.Clone(headers), traces)
}

func (r *refusal) is(out *processor.Output) bool {
	return r.output.Topic.Name == out.Topic.Name && r.output.Time == out.Time &&
		bytes.Equal(r.output.Key, out.Key) && bytes.Equal(r.output.Value, out.Value) &&
		slices.EqualFunc(withoutTrace(r.output.Headers), withoutTrace(out.Headers), func(a, b record.Header) bool {
			return a.Key == b.Key && bytes.Equal(a.Value, b.Value)
		})
}

// find says why the record would be refused; nil: it is not known to be.
func (r *refusals) find(out *processor.Output) error {
	of := r.known[fingerprint(out)]
	if of == nil || !of.is(out) {
		return nil
	}
	of.met = true
	return of.err
}

// add notes a refused record; false if it was known, and was sent all the same.
func (r *refusals) add(found kafka.RefusedRecord) bool {
	key := fingerprint(&found.Output)
	if of := r.known[key]; of != nil && of.is(&found.Output) {
		return false
	}
	if r.known == nil {
		r.known = map[uint64]*refusal{}
	}
	r.known[key] = &refusal{output: found.Output, err: found.Err}
	r.commits = 0
	return true
}

// committed forgets what was met: its policy has decided.
func (r *refusals) committed() {
	r.commits++
	r.searches = 0
	for key, of := range r.known {
		if of.met || r.commits > keepRefusals {
			delete(r.known, key)
		}
	}
}

// aborted forgets that anything was met.
func (r *refusals) aborted() {
	for _, of := range r.known {
		of.met = false
	}
}

// hook is what tasks ask before they put out a record; nil, which costs nothing, if none is known.
func (r *refusals) hook() func(*processor.Output) error {
	if len(r.known) == 0 {
		return nil
	}
	return r.find
}

// Refuse has the task ask f of each record before it is put out; nil: none is refused.
func (t *Task) Refuse(f func(*processor.Output) error) { t.outputs.Refuse = f }

// refuse tells the loop's tasks what is known to be refused.
func (l *loop) refuse() {
	hook := l.refusals.hook()
	for _, r := range l.tasks {
		r.task.Refuse(hook)
	}
}

// forgetRefused forgets what was refused and is committed now.
func (l *loop) forgetRefused() {
	if len(l.refusals.known) > 0 {
		l.refusals.committed()
		l.refuse()
	}
}

// findRefused finds which records of a commit brokers refuse, and says whether there are new ones:
// then it is to be done again. Error: a record that no policy may drop.
func (l *loop) findRefused(ctx context.Context, suspects []kafka.Suspect) (bool, error) {
	if len(suspects) == 0 {
		return false, nil
	}
	l.waits("finding the records that brokers refuse")
	found, err := l.producer.FindRefused(ctx, suspects)
	if err != nil {
		l.log.Warn("what is refused was not found, all is done again", "loop", l.index, "error", err)
		return false, l.producer.Renew(ctx)
	}
	for i := range found {
		of := &found[i]
		if store := l.engine.topics().changelogOf(of.Topic.Name); store != "" {
			return false, fmt.Errorf("commit: a changelog record of store %q is refused, and without it the store would lose a row: %w", store, of.Err)
		}
		if !l.refusals.add(*of) {
			return false, fmt.Errorf("commit: a record is refused that no error policy can let pass, such as a dead letter: %w", of.Err)
		}
	}
	if len(found) == 0 {
		return false, nil
	}
	if l.refusals.searches++; l.refusals.searches > maxSearches {
		return false, fmt.Errorf("commit: refused records were found %d times in a row, others each time: does a step put the time or something random into them? %w",
			maxSearches, found[0].Err)
	}
	return true, nil
}
