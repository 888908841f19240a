package processor

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

// fakeHost records what a step hands to its host. It lets failures pass unless fatal is set.
type fakeHost struct {
	Host // what is not implemented below is not asked for

	failed  []failedRecord
	fatal   error
	outputs Outputs

	scheduled []scheduled
}

// scheduled is a call of Schedule.
type scheduled struct {
	step  string
	every time.Duration
	clock windowing.Clock
	call  func(at record.Time) error
}

func (h *fakeHost) Schedule(
	step *Step, d time.Duration, clock windowing.Clock, f func(at record.Time) error,
) (cancel func()) {
	h.scheduled = append(h.scheduled, scheduled{step.Name, d, clock, f})
	return func() {}
}

type failedRecord struct {
	Step   string
	Reason Reason
	Err    error
}

func (h *fakeHost) Fail(step *Step, reason Reason, err error) error {
	h.failed = append(h.failed, failedRecord{step.Name, reason, err})
	return h.fatal
}

func (h *fakeHost) Outputs() *Outputs { return &h.outputs }

func (h *fakeHost) step(name string) *Step { return &Step{Name: name, Host: h} }

// reasons are those of all failures.
func (h *fakeHost) reasons() []Reason {
	var all []Reason
	for _, f := range h.failed {
		all = append(all, f.Reason)
	}
	return all
}

func wantReasons(t *testing.T, h *fakeHost, want ...Reason) {
	t.Helper()
	if diff := cmp.Diff(want, h.reasons()); diff != "" {
		t.Errorf("reasons of failed records (-want +got):\n%s", diff)
	}
}

// collected copies what is emitted.
type collected[K, V any] struct {
	records []record.Record[K, V]
	err     error // what emit returns
}

func (c *collected[K, V]) emit(r *record.Record[K, V]) error {
	c.records = append(c.records, *r)
	return c.err
}

func (c *collected[K, V]) want(t *testing.T, want ...record.Record[K, V]) {
	t.Helper()
	if diff := cmp.Diff(want, c.records); diff != "" {
		t.Errorf("emitted (-want +got):\n%s", diff)
	}
}

type changes[K, V any] struct{ all []Change[K, V] }

func (c *changes[K, V]) emit(u *Change[K, V]) error {
	c.all = append(c.all, *u)
	return nil
}

func (c *changes[K, V]) want(t *testing.T, want ...Change[K, V]) {
	t.Helper()
	if diff := cmp.Diff(want, c.all); diff != "" {
		t.Errorf("emitted changes (-want +got):\n%s", diff)
	}
}

// pipe emits a copy of each record.
func pipe[K, V any](t *testing.T, emit Emit[K, V], records ...record.Record[K, V]) {
	t.Helper()
	for _, r := range records {
		if err := emit(&r); err != nil {
			t.Fatalf("emit %v: %v", r, err)
		}
	}
}

var (
	errFatal = errors.New("fatal")
	errBelow = errors.New("below")

	headers = record.Headers{{Key: "h", Value: []byte("x")}}
)

func text(s string) *string { return &s }
