package reactor

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

var (
	fail = processor.ErrorPolicy{Action: processor.FailAction}
	skip = processor.ErrorPolicy{Action: processor.SkipAction}
	dead = processor.ErrorPolicy{Action: processor.DeadLetterAction, Topic: "dead"}
)

// failing is a task whose current record failed, under these policies.
func failing(t *testing.T, app, source processor.ErrorPolicies) *Task {
	t.Helper()
	task, _ := fakeTask(t, 1)
	task.config.Policies, task.inputs[0].policies, task.config.Context = app, source, t.Context()
	task.Feed(task.inputs[0].partition, []record.Raw{{
		Key: []byte("key"), Value: []byte("value"), Time: 70, Offset: 5, Headers: record.Headers{{Key: "own", Value: []byte("x")}},
	}}, 6, 6)
	task.current = task.inputs[0]
	return task
}

// What comes of a failed record: nothing (it was let pass), a dead letter, or an error.
func TestPoliciesDecideByReason(t *testing.T) {
	type policies = processor.ErrorPolicies
	tests := []struct {
		name        string
		app, source policies
		reason      processor.Reason
		want        processor.Action
	}{
		{"decoding fails by default", policies{}, policies{}, processor.DecodeKey, processor.FailAction},
		{"decoding a value fails by default", policies{}, policies{}, processor.DecodeValue, processor.FailAction},
		{"user functions fail by default", policies{}, policies{}, processor.Process, processor.FailAction},
		{"encoding fails by default", policies{}, policies{}, processor.Encode, processor.FailAction},
		{"producing fails by default", policies{}, policies{}, processor.Produce, processor.FailAction},
		{"encoding is a part of producing", policies{Produce: skip}, policies{}, processor.Encode, processor.SkipAction},
		{"producing is no part of processing", policies{Process: skip}, policies{}, processor.Produce, processor.FailAction},
		{"null keys are skipped by default", policies{}, policies{}, processor.NullKey, processor.SkipAction},
		{"null values are skipped by default", policies{}, policies{}, processor.NullValue, processor.SkipAction},
		{"late records are skipped by default", policies{}, policies{}, processor.Late, processor.SkipAction},
		{"negative times are skipped by default", policies{}, policies{}, processor.NegativeTime, processor.SkipAction},
		{"the app's policy", policies{Decode: skip}, policies{}, processor.DecodeKey, processor.SkipAction},
		{"one policy says nothing of another", policies{Decode: skip}, policies{}, processor.Process, processor.FailAction},
		{"late records may fail the app", policies{Dropped: fail}, policies{}, processor.Late, processor.FailAction},
		{"the source's policy is before the app's", policies{Decode: skip}, policies{Decode: dead}, processor.DecodeKey, processor.DeadLetterAction},
		{"the source may fail where the app skips", policies{Process: skip}, policies{Process: fail}, processor.Process, processor.FailAction},
		{"what the source leaves open is the app's", policies{Process: dead}, policies{Decode: skip}, processor.Process, processor.DeadLetterAction},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			task := failing(t, tt.app, tt.source)
			err := task.Fail(&processor.Step{Name: "step"}, tt.reason, errors.New("cause"))
			out := task.TakeOutputs()
			got := processor.SkipAction
			switch {
			case err != nil:
				got = processor.FailAction
			case len(out) > 0:
				got = processor.DeadLetterAction
			}
			if got != tt.want {
				t.Errorf("action %v, want %v (error %v, %d outputs)", got, tt.want, err, len(out))
			}
			// What fails the app is not dropped: it is processed again.
			dropped := int64(1)
			if tt.want == processor.FailAction {
				dropped = 0
			}
			if n := task.Counters().Dropped[tt.reason]; n != dropped {
				t.Errorf("counted %d dropped, want %d", n, dropped)
			}
		})
	}
}

func TestRecordErrorSaysWhichRecordWhereAndWhatToDo(t *testing.T) {
	task := failing(t, processor.ErrorPolicies{}, processor.ErrorPolicies{})
	cause := errors.New("no such page")
	err := task.Fail(&processor.Step{Name: "to-page"}, processor.Process, cause)
	if _, ok := errors.AsType[*RecordError](err); !ok || !errors.Is(err, cause) {
		t.Fatalf("got %v, want a RecordError with its cause", err)
	}
	for _, part := range []string{`topic "a"`, "partition 2", "offset 5", `step "to-page"`, "process", "no such page", "error policy"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	for _, secret := range []string{"key", "value"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error %q gives away the record's %s", err, secret)
		}
	}
}

// A topic that a function chooses is not known at the start.
func TestDeadLetterWithoutItsTopicFails(t *testing.T) {
	task := failing(t, processor.ErrorPolicies{Process: dead}, processor.ErrorPolicies{})
	task.config.Topic = func(string) *processor.Topic { return nil }
	err := task.Fail(&processor.Step{Name: "s"}, processor.Process, errors.New("cause"))
	for _, part := range []string{`"dead"`, "does not exist: create it", "offset 5", "cause"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want an error that says %q", err, part)
		}
	}
}

func TestPolicyFunctionThatPanicsFailsTheRecord(t *testing.T) {
	decide := processor.Decide(func(processor.Failure) processor.ErrorPolicy { panic("no idea") })
	task := failing(t, processor.ErrorPolicies{Process: decide}, processor.ErrorPolicies{})
	err := task.Fail(&processor.Step{Name: "s"}, processor.Process, errors.New("cause"))
	for _, part := range []string{"choose its error policy", "no idea", "offset 5", "cause"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want an error that says %q", err, part)
		}
	}
}

func TestRecordErrorWithoutCause(t *testing.T) {
	err := &RecordError{processor.Failure{Step: "s", Reason: processor.Late, Topic: "t", Offset: 1}}
	if err.Unwrap() != nil || strings.Contains(err.Error(), "nil") || !strings.Contains(err.Error(), "late") {
		t.Errorf("error %q, cause %v", err, err.Unwrap())
	}
}

// The names are Kafka Streams' (KIP-1034, ExceptionHandlerUtils), in its order, behind the record's
// own headers; ours follow.
func TestDeadLetterIsTheRecordWithItsStory(t *testing.T) {
	task := failing(t, processor.ErrorPolicies{Process: dead}, processor.ErrorPolicies{})
	if err := task.Fail(&processor.Step{Name: "to-page"}, processor.Process, fmt.Errorf("wrapped: %w", errors.New("cause"))); err != nil {
		t.Fatal(err)
	}
	out := task.TakeOutputs()
	if len(out) != 1 {
		t.Fatalf("%d outputs, want 1", len(out))
	}
	text := func(key, value string) record.Header { return record.Header{Key: key, Value: []byte(value)} }
	want := processor.Output{
		Topic: &processor.Topic{Name: "dead", Partitions: 4}, Partition: processor.PartitionOf([]byte("key"), 4),
		Key: []byte("key"), Value: []byte("value"), Time: 70,
		Headers: record.Headers{
			text("own", "x"),
			text("__streams.errors.exception", "*fmt.wrapError"),
			text("__streams.errors.message", "wrapped: cause"),
			text("__streams.errors.stacktrace", ""),
			text("__streams.errors.topic", "a"),
			text("__streams.errors.partition", "2"),
			text("__streams.errors.offset", "5"),
			text("pitwheel.errors.reason", "process"),
			text("pitwheel.errors.step", "to-page"),
		},
	}
	if diff := cmp.Diff(want, out[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if raw := task.inputs[0].raw(); len(raw.Headers) != 1 {
		t.Errorf("the record itself has now the headers %v", raw.Headers)
	}
}

func TestDeadLetterOfAPanicHasItsStack(t *testing.T) {
	task := failing(t, processor.ErrorPolicies{Process: dead}, processor.ErrorPolicies{})
	panicked := &processor.PanicError{Value: "boom", Stack: []byte("goroutine 1 [running]")}
	if err := task.Fail(&processor.Step{}, processor.Process, fmt.Errorf("map: %w", panicked)); err != nil {
		t.Fatal(err)
	}
	stack, _ := task.TakeOutputs()[0].Headers.Get("__streams.errors.stacktrace")
	if string(stack) != "goroutine 1 [running]" {
		t.Errorf("stack %q", stack)
	}
}

func TestDeadLetterOfADroppedRecordHasItsReason(t *testing.T) {
	task := failing(t, processor.ErrorPolicies{Dropped: dead}, processor.ErrorPolicies{})
	task.inputs[0].raw().Key = nil
	if err := task.Fail(&processor.Step{Name: "count"}, processor.NullKey, nil); err != nil {
		t.Fatal(err)
	}
	out := task.TakeOutputs()[0]
	for key, want := range map[string]string{
		"__streams.errors.exception": "null_key", "__streams.errors.message": "null_key", "pitwheel.errors.reason": "null_key",
	} {
		if got, ok := out.Headers.Get(key); !ok || string(got) != want {
			t.Errorf("header %q is %q, want %q", key, got, want)
		}
	}
	if out.Key != nil || out.Partition < 0 || out.Partition >= 4 {
		t.Errorf("key %q to partition %d, want no key and a partition of the topic", out.Key, out.Partition)
	}
}

// During a flush no record is being processed: there is none to be dead-lettered, and no source
// whose policies could count.
func TestFailureDuringAFlushHasNoRecord(t *testing.T) {
	task := failing(t, processor.ErrorPolicies{Process: dead}, processor.ErrorPolicies{Process: fail})
	task.current = nil
	if err := task.Fail(&processor.Step{Name: "s"}, processor.Process, errors.New("cause")); err != nil {
		t.Fatal(err)
	}
	if out := task.TakeOutputs(); len(out) != 0 || task.Counters().Dropped[processor.Process] != 1 {
		t.Errorf("%d outputs, dropped %v", len(out), task.Counters().Dropped)
	}
}

func TestFailuresAreLoggedAtABoundedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buffer bytes.Buffer
		task := failing(t, processor.ErrorPolicies{Process: skip}, processor.ErrorPolicies{})
		task.failures.log = slog.New(slog.NewTextHandler(&buffer, nil))
		logged := func(n int, reason processor.Reason) (lines []string) {
			buffer.Reset()
			for range n {
				if err := task.Fail(&processor.Step{Name: "s"}, reason, errors.New("cause")); err != nil {
					t.Fatal(err)
				}
			}
			return strings.Split(strings.TrimSpace(buffer.String()), "\n")
		}
		first := logged(100, processor.Process)
		if len(first) != 1 {
			t.Fatalf("%d lines for 100 failures at once: %v", len(first), first)
		}
		for _, part := range []string{"WARN", "reason=process", "step=s", "task=1_2", "topic=a", "partition=2", "offset=5", "error=cause"} {
			if !strings.Contains(first[0], part) {
				t.Errorf("line %q does not say %q", first[0], part)
			}
		}
		// Another reason is not held back by the first.
		if other := logged(1, processor.Late); !strings.Contains(other[0], "reason=late") {
			t.Errorf("logged %q", other)
		}
		time.Sleep(failureLogEvery - time.Millisecond)
		if early := logged(1, processor.Process); early[0] != "" {
			t.Errorf("logged %q before the second is over", early)
		}
		time.Sleep(time.Millisecond)
		if later := logged(1, processor.Process); !strings.Contains(later[0], "not_logged=100") {
			t.Errorf("line %q does not say that 100 were not logged", later[0])
		}
		time.Sleep(failureLogEvery)
		if again := logged(1, processor.Process); again[0] == "" || strings.Contains(again[0], "not_logged") {
			t.Errorf("line %q, want one that counts from the last line on", again[0])
		}
	})
}

func TestKeysAndValuesAreNotLogged(t *testing.T) {
	var buffer bytes.Buffer
	task := failing(t, processor.ErrorPolicies{Process: dead}, processor.ErrorPolicies{})
	raw := task.inputs[0].raw()
	raw.Key, raw.Value = []byte("canary-key"), []byte("canary-value")
	task.failures.log = slog.New(slog.NewTextHandler(&buffer, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := task.Fail(&processor.Step{Name: "s"}, processor.Process, errors.New("cause")); err != nil {
		t.Fatal(err)
	}
	if got := buffer.String(); got == "" || strings.Contains(got, "canary") {
		t.Errorf("logged %q", got)
	}
}

// Records without a key take turns over the partitions, batch by batch; others keep theirs.
func TestOutputsWithoutAKeyTakeTurns(t *testing.T) {
	task, _ := fakeTask(t, 0)
	topic := &processor.Topic{Name: "out", Partitions: 3}
	seen := map[int32]bool{}
	for range 6 {
		task.outputs.Add(processor.Output{Topic: topic, Partition: -1})
		task.outputs.Add(processor.Output{Topic: topic, Partition: 2, Key: []byte("k")})
		out := task.TakeOutputs()
		if out[0].Partition < 0 || out[0].Partition >= 3 || out[1].Partition != 2 {
			t.Fatalf("partitions %d and %d", out[0].Partition, out[1].Partition)
		}
		seen[out[0].Partition] = true
	}
	if diff := cmp.Diff(map[int32]bool{0: true, 1: true, 2: true}, maps.Clone(seen)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if out := task.TakeOutputs(); out != nil || task.Counters().Out != 12 {
		t.Errorf("took %v again, counted %d out, want 12", out, task.Counters().Out)
	}
}
