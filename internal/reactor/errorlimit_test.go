package reactor

import (
	"errors"
	"strings"
	"testing"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
)

// limited are two tasks of one instance that may let errors pass, and a failure in either.
func limited(t *testing.T, limit int64) (fails func(task int, reason processor.Reason) error, abort func(task int)) {
	t.Helper()
	all := processor.ErrorPolicies{Decode: skip, Process: skip, Produce: skip}
	tasks := []*Task{failing(t, all, processor.ErrorPolicies{}), failing(t, all, processor.ErrorPolicies{})}
	errorLimit := NewErrorLimit(limit)
	for _, task := range tasks {
		task.config.Errors, task.config.Subtopology = errorLimit, &plan.Subtopology{}
	}
	fails = func(task int, reason processor.Reason) error {
		return tasks[task].Fail(&processor.Step{Name: "step"}, reason, errors.New("cause"))
	}
	return fails, func(task int) { tasks[task].Abort() }
}

func TestErrorsOfAllTasksCountUpToTheLimit(t *testing.T) {
	fails, _ := limited(t, 3)
	for i, reason := range []processor.Reason{processor.Process, processor.DecodeValue, processor.Produce} {
		if err := fails(i%2, reason); err != nil {
			t.Fatalf("error %d of 3: %v", i+1, err)
		}
	}
	for _, reason := range []processor.Reason{processor.Late, processor.NullKey, processor.NegativeTime} {
		if err := fails(0, reason); err != nil {
			t.Errorf("%s is no error, but: %v", reason, err)
		}
	}
	err := fails(1, processor.DecodeValue)
	if _, ok := errors.AsType[*TooManyErrorsError](err); !ok {
		t.Fatalf("the fourth error: %v", err)
	}
	for _, part := range []string{
		"Config.MaxErrors lets 3 pass", "process: 1 passed", "decode_value: 1 passed", "produce: 1 passed",
		`topic "a" partition 2 offset 5`, `step "step"`, "cause",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if again := fails(0, processor.Process); again == nil {
		t.Error("another task goes on beyond the limit")
	}
}

// What an abort drops is processed again, and would be counted twice.
func TestAbortedErrorsDoNotCount(t *testing.T) {
	fails, abort := limited(t, 2)
	for range 5 {
		if err := errors.Join(fails(0, processor.Process), fails(0, processor.DecodeKey)); err != nil {
			t.Fatal(err)
		}
		abort(0)
	}
	if err := errors.Join(fails(0, processor.Process), fails(1, processor.Process)); err != nil {
		t.Fatal(err)
	}
	abort(0) // the other task's stays
	if err := fails(0, processor.Process); err != nil {
		t.Fatal(err)
	}
	if err := fails(0, processor.Process); err == nil {
		t.Error("the third error passed, 2 may")
	}
}

func TestCommittedErrorsStayCounted(t *testing.T) {
	task := failing(t, processor.ErrorPolicies{Process: skip}, processor.ErrorPolicies{})
	task.config.Errors, task.config.Subtopology = NewErrorLimit(2), &plan.Subtopology{}
	process := func() error { return task.Fail(&processor.Step{}, processor.Process, errors.New("cause")) }
	if err := process(); err != nil {
		t.Fatal(err)
	}
	task.counted = task.counters.clone() // as Apply does
	if err := process(); err != nil {
		t.Fatal(err)
	}
	task.Abort()
	if err := process(); err != nil {
		t.Fatalf("one is committed, one was aborted, two may pass: %v", err)
	}
	if err := process(); err == nil {
		t.Error("the third error passed, 2 may")
	}
}

func TestNoLimit(t *testing.T) {
	fails, abort := limited(t, 0)
	for range 100 {
		if err := fails(0, processor.Process); err != nil {
			t.Fatal(err)
		}
	}
	abort(0)
}
