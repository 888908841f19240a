package reactor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pitwheel/pitwheel/processor"
)

// ErrorLimit bounds how many errors policies may let pass, over all tasks of an instance. What an
// abort takes back counts no more. Nil is no limit.
type ErrorLimit struct {
	max int64

	mu     sync.Mutex // taken for failures only
	passed map[processor.Reason]int64
	last   map[processor.Reason]processor.Failure
}

// NewErrorLimit makes a limit; nil, which limits nothing, for 0.
func NewErrorLimit(limit int64) *ErrorLimit {
	if limit == 0 {
		return nil
	}
	return &ErrorLimit{
		max:    limit,
		passed: map[processor.Reason]int64{},
		last:   map[processor.Reason]processor.Failure{},
	}
}

// pass counts an error that a policy lets pass, or says that it is one too many.
func (l *ErrorLimit) pass(f *processor.Failure) error {
	if l == nil || !f.Reason.IsError() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[f.Reason] = *f
	sum := int64(0)
	for _, n := range l.passed {
		sum += n
	}
	if sum >= l.max {
		return &TooManyErrorsError{Max: l.max, Passed: maps.Clone(l.passed), Last: maps.Clone(l.last)}
	}
	l.passed[f.Reason]++
	return nil
}

// giveBack takes back the errors between two states of a task's counters.
func (l *ErrorLimit) giveBack(of, before Counters) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for reason, n := range of.Dropped {
		if reason.IsError() {
			l.passed[reason] -= n - before.Dropped[reason]
		}
	}
}

// TooManyErrorsError ends an app whose policies have let as many errors pass as they may.
type TooManyErrorsError struct {
	Max    int64                                  // how many may pass
	Passed map[processor.Reason]int64             // how many did, by reason
	Last   map[processor.Reason]processor.Failure // the last failure of each reason
}

// Error names the limit and, by reason, how many passed and the last that failed.
func (e *TooManyErrorsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "another record failed, and Config.MaxErrors lets %d pass", e.Max)
	for _, reason := range slices.Sorted(maps.Keys(e.Last)) {
		f := e.Last[reason]
		fmt.Fprintf(&b, "; %s: %d passed, the last was: %s", reason, e.Passed[reason], place(&f))
		if f.Err != nil {
			fmt.Fprintf(&b, ": %v", f.Err)
		}
	}
	return b.String() + " (mend the cause, or allow more; the count begins anew with each start)"
}
