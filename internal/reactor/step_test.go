package reactor

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// fakeSource takes a record's timestamp for its event time, drops those before the epoch by the
// task's policy, and notes what it emits.
type fakeSource struct {
	name    string
	step    processor.Step
	raw     *record.Raw
	emitted *[]string
	emit    func(*record.Raw) error // nil: nothing more
	times   []record.Time           // the partition time at each load
}

func (s *fakeSource) Load(raw *record.Raw, partitionTime record.Time) (record.Time, bool, error) {
	s.raw = raw
	s.times = append(s.times, partitionTime)
	if raw.Time < 0 {
		return 0, false, s.step.Fail(processor.NegativeTime, nil)
	}
	return raw.Time, true, nil
}

func (s *fakeSource) Emit() error {
	*s.emitted = append(*s.emitted, s.name+string(s.raw.Value))
	if s.emit != nil {
		return s.emit(s.raw)
	}
	return nil
}

// fakeTask is a task of fake sources a, b, c ... that notes what they emit.
func fakeTask(t *testing.T, inputs int) (task *Task, emitted *[]string) {
	t.Helper()
	space, err := store.OpenSpace(store.SpaceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = space.Close() })
	emitted = new([]string)
	task = &Task{
		ID: record.TaskID{Subtopology: 1, Partition: 2}, space: space, streamTime: -1, punctuations: &punctuations{},
		counters:  Counters{Dropped: map[processor.Reason]int64{}},
		committed: map[record.Partition]int64{}, marks: map[string]*record.Time{},
		config: TaskConfig{Context: context.Background(), Topic: func(name string) *processor.Topic { return &processor.Topic{Name: name, Partitions: 4} }},
	}
	task.failures.log = slog.New(slog.DiscardHandler)
	task.counted = task.counters.clone()
	for i := range inputs {
		name := string(rune('a' + i))
		task.inputs = append(task.inputs, &input{
			partition: record.Partition{Topic: name, ID: 2}, time: -1,
			source: &fakeSource{name: name, step: processor.Step{Name: "source-" + name, Host: task}, emitted: emitted},
		})
	}
	return task, emitted
}

// feed gives the input of that name a record per time, valued by the offset, and says that its
// partition ends end records behind them.
func (t *Task) feedTimes(name string, behind int64, times ...record.Time) {
	in := t.input(record.Partition{Topic: name, ID: 2})
	var records []record.Raw
	at := in.fetched
	for _, time := range times {
		records = append(records, record.Raw{Value: []byte{byte('0' + at)}, Time: time, Offset: at})
		at++
	}
	t.Feed(in.partition, records, at, at+behind)
}

func TestOldestRecordOfAllInputsIsFirst(t *testing.T) {
	task, emitted := fakeTask(t, 3)
	task.feedTimes("a", 0, 10, 30, 20)
	task.feedTimes("b", 0, 15, 16)
	task.feedTimes("c", 0, 40)
	n, err := task.Step(100)
	if err != nil {
		t.Fatal(err)
	}
	// a's third record is older than its second but stands behind it.
	if diff := cmp.Diff([]string{"a0", "b0", "b1", "a1", "a2", "c0"}, *emitted); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n != 6 || task.StreamTime() != 40 || task.Counters().In != 6 {
		t.Errorf("%d records, stream time %d, counted %d; want 6, 40 ms, 6", n, task.StreamTime(), task.Counters().In)
	}
}

func TestFirstInputWinsATie(t *testing.T) {
	task, emitted := fakeTask(t, 2)
	task.feedTimes("b", 0, 5, 5)
	task.feedTimes("a", 0, 5, 5)
	if _, err := task.Step(100); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a0", "a1", "b0", "b1"}, *emitted); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// An input that is known to have more might have an older record: nobody overtakes it.
func TestLaggingInputIsWaitedFor(t *testing.T) {
	task, emitted := fakeTask(t, 2)
	task.feedTimes("a", 0, 10, 20)
	task.feedTimes("b", 1, 15) // one more is there, and not yet fetched
	if n, err := task.Step(100); err != nil || n != 2 {
		t.Fatalf("Step = %d, %v, want 2 records", n, err)
	}
	if n, err := task.Step(100); err != nil || n != 0 {
		t.Fatalf("Step = %d, %v while an input lags", n, err)
	}
	if diff := cmp.Diff([]string{"a0", "b0"}, *emitted); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	task.feedTimes("b", 0, 17)
	if _, err := task.Step(100); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a0", "b0", "b1", "a1"}, *emitted); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestInputThatIsReadToItsEndIsNotWaitedFor(t *testing.T) {
	task, emitted := fakeTask(t, 2)
	task.feedTimes("a", 0, 10)
	task.feedTimes("b", 0)
	if _, err := task.Step(100); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a0"}, *emitted); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A marker at the end of a partition is what it waited for.
func TestMarkerEndsTheWait(t *testing.T) {
	task, emitted := fakeTask(t, 2)
	task.feedTimes("a", 0, 10)
	task.feedTimes("b", 1)
	if n, _ := task.Step(100); n != 0 {
		t.Fatal("did not wait")
	}
	if got, want := task.Waiting(), `topic "b" partition 2: at offset 0 of 1`; got != want {
		t.Errorf("Waiting = %q, want %q", got, want)
	}
	task.Feed(record.Partition{Topic: "b", ID: 2}, nil, 1, 1)
	if n, err := task.Step(100); n != 1 || err != nil {
		t.Errorf("Step = %d, %v, want 1 record", n, err)
	}
	if diff := cmp.Diff([]string{"a0"}, *emitted); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestStepStopsAtItsLimit(t *testing.T) {
	task, emitted := fakeTask(t, 1)
	task.feedTimes("a", 0, 1, 2, 3)
	for _, want := range []int{2, 1, 0} {
		if n, err := task.Step(2); err != nil || n != want {
			t.Fatalf("Step = %d, %v, want %d", n, err, want)
		}
	}
	if len(*emitted) != 3 || task.Counters().In != 3 {
		t.Errorf("emitted %v, counted %d", *emitted, task.Counters().In)
	}
}

// A dropped record is never a head: it is passed over, its offset committed, and what is behind it
// processed in its turn.
func TestDroppedRecordsArePassedOver(t *testing.T) {
	task, emitted := fakeTask(t, 2)
	task.feedTimes("a", 0, -1, 20, -1)
	task.feedTimes("b", 0, 10)
	n, err := task.Step(100)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b0", "a1"}, *emitted); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := task.inputs[0].next; got != 3 {
		t.Errorf("position %d, want 3: behind the dropped tail", got)
	}
	c := task.Counters()
	if n != 2 || c.In != 4 || c.Dropped[processor.NegativeTime] != 2 {
		t.Errorf("%d processed, %d in, dropped %v; want 2, 4, 2", n, c.In, c.Dropped)
	}
}

// The extractor is told the highest time of its own partition, processed so far.
func TestPartitionTimeIsTheHighestOfItsPartition(t *testing.T) {
	task, _ := fakeTask(t, 2)
	task.feedTimes("a", 0, 30, 10, 20)
	task.feedTimes("b", 0, 99)
	if _, err := task.Step(100); err != nil {
		t.Fatal(err)
	}
	want := []record.Time{-1, 30, 30}
	if diff := cmp.Diff(want, task.inputs[0].source.(*fakeSource).times); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := task.inputs[0].time; got != 30 {
		t.Errorf("partition time %d, want 30", got)
	}
}

// The record that failed stays the head, so that its offset is not committed.
func TestFailedRecordIsNotPassed(t *testing.T) {
	task, _ := fakeTask(t, 1)
	cause := errors.New("no")
	task.inputs[0].source.(*fakeSource).emit = func(raw *record.Raw) error {
		if raw.Offset == 1 {
			return cause
		}
		return nil
	}
	task.feedTimes("a", 0, 1, 2, 3)
	n, err := task.Step(100)
	var of *TaskError
	if !errors.Is(err, cause) || !errors.As(err, &of) || of.Task != task.ID || !strings.Contains(err.Error(), "task 1_2") {
		t.Fatalf("Step = %v, want a TaskError of 1_2 with its cause", err)
	}
	if n != 1 || task.inputs[0].next != 1 {
		t.Errorf("%d processed, position %d, want 1 and 1", n, task.inputs[0].next)
	}
}

func TestPanicBecomesTheTasksError(t *testing.T) {
	task, _ := fakeTask(t, 1)
	task.inputs[0].source.(*fakeSource).emit = func(*record.Raw) error { panic("broken serde") }
	task.feedTimes("a", 0, 1)
	_, err := task.Step(100)
	var p *processor.PanicError
	if !errors.As(err, &p) || !strings.Contains(err.Error(), "broken serde") || !strings.Contains(string(p.Stack), "step_test.go") {
		t.Errorf("Step = %v, want a PanicError with its stack", err)
	}
}

func TestWaitingSaysForWhat(t *testing.T) {
	task, _ := fakeTask(t, 2)
	tests := []struct {
		name string
		do   func()
		want string
	}{
		{"nothing at all", func() {}, "new records"},
		{"an input that lags", func() { task.feedTimes("b", 5) }, `topic "b" partition 2: at offset 0 of 5`},
		{"an input that keeps a record waiting", func() { task.feedTimes("a", 0, 1) }, `topic "b" partition 2: at offset 0 of 5`},
		{"work", func() { task.feedTimes("b", 0, 1) }, ""},
	}
	for _, tt := range tests {
		tt.do()
		if got := task.Waiting(); got != tt.want {
			t.Errorf("%s: Waiting = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestUnknownPartitionsAreNotFed(t *testing.T) {
	task, emitted := fakeTask(t, 1)
	task.Feed(record.Partition{Topic: "a", ID: 3}, raws(0), 1, 1)
	if n, err := task.Step(10); n != 0 || err != nil || len(*emitted) != 0 {
		t.Errorf("Step = %d, %v, emitted %v", n, err, *emitted)
	}
	if got := task.BufferedBytes(record.Partition{Topic: "a", ID: 3}); got != 0 {
		t.Errorf("BufferedBytes = %d", got)
	}
}

func TestBufferedBytesAreThoseOfTheInput(t *testing.T) {
	task, _ := fakeTask(t, 2)
	task.feedTimes("a", 0, 1, 2)
	a, b := record.Partition{Topic: "a", ID: 2}, record.Partition{Topic: "b", ID: 2}
	if task.BufferedBytes(a) == 0 || task.BufferedBytes(b) != 0 {
		t.Errorf("a has %d bytes, b %d", task.BufferedBytes(a), task.BufferedBytes(b))
	}
	if _, err := task.Step(10); err != nil {
		t.Fatal(err)
	}
	if got := task.BufferedBytes(a); got != 0 {
		t.Errorf("a has %d bytes after all was processed", got)
	}
}
