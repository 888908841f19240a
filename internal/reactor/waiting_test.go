package reactor

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/topology"
)

// idleTask is a task of fake sources that waits for d, by a clock that the test moves.
func idleTask(t *testing.T, inputs int, d time.Duration) (task *Task, emitted *[]string, now *record.Time) {
	t.Helper()
	task, emitted = fakeTask(t, inputs)
	now = new(record.Time(1000))
	task.config.Idle = d
	task.config.Now = func() record.Time { return *now }
	return task, emitted, now
}

// wantSteps steps and checks what was emitted since the last call.
func wantSteps(t *testing.T, task *Task, emitted *[]string, want ...string) {
	t.Helper()
	if _, err := task.Step(100); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(*emitted, " "); got != strings.Join(want, " ") {
		t.Errorf("processed %q, want %q", got, strings.Join(want, " "))
	}
	*emitted = nil
}

// An input that was read to its end is waited for as long as the config says, and from then on not any
// more until it has records again.
func TestIdleInputIsWaitedForOnce(t *testing.T) {
	task, emitted, now := idleTask(t, 2, 100*time.Millisecond)
	task.feedTimes("a", 0, 10)
	wantSteps(t, task, emitted)
	if at, ok := task.NextWake(); !ok || at != 1100 {
		t.Errorf("NextWake = %d, %v, want 1100", at, ok)
	}
	if got, want := task.Waiting(), `topic "b" partition 2: new records, until 1970-01-01T00:00:01.1Z`; got != want {
		t.Errorf("Waiting = %q, want %q", got, want)
	}
	*now = 1099
	wantSteps(t, task, emitted)
	*now = 1100
	wantSteps(t, task, emitted, "a0")
	task.feedTimes("a", 0, 20)
	wantSteps(t, task, emitted, "a1")

	// b's record is first, though it came last: then it is empty, and waited for again.
	task.feedTimes("a", 0, 30)
	task.feedTimes("b", 0, 25)
	*now = 1500
	wantSteps(t, task, emitted, "b0")
	*now = 1599
	wantSteps(t, task, emitted)
	*now = 1600
	wantSteps(t, task, emitted, "a2")
	if at, ok := task.NextWake(); ok {
		t.Errorf("NextWake = %d with nothing to do", at)
	}
}

// Records that are known to be there are waited for without a deadline; the time for those that are not
// begins when there are no more.
func TestLagEndsTheDeadline(t *testing.T) {
	task, emitted, now := idleTask(t, 2, 100*time.Millisecond)
	task.feedTimes("a", 0, 10)
	wantSteps(t, task, emitted)
	task.feedTimes("b", 1)
	*now = 5000
	wantSteps(t, task, emitted)
	if of, from, to, ok := task.Lagging(); !ok || of.Topic != "b" || from != 0 || to != 1 {
		t.Errorf("Lagging = %v from %d to %d, %v", of, from, to, ok)
	}
	task.Feed(record.Partition{Topic: "b", ID: 2}, nil, 1, 1)
	wantSteps(t, task, emitted)
	*now = 5099
	wantSteps(t, task, emitted)
	*now = 5100
	wantSteps(t, task, emitted, "a0")
}

// The deadlines of all idle inputs begin together. Kafka Streams looks at them one after the other, and
// may wait for each in turn.
func TestIdleInputsAreWaitedForTogether(t *testing.T) {
	task, emitted, now := idleTask(t, 4, 100*time.Millisecond)
	task.feedTimes("b", 0, 10)
	wantSteps(t, task, emitted)
	*now = 1100
	wantSteps(t, task, emitted, "b0")
}

// A negative time waits for nothing, whatever is known.
func TestNegativeIdleNeverWaits(t *testing.T) {
	task, emitted, _ := idleTask(t, 3, -1)
	task.feedTimes("a", 0, 10)
	task.feedTimes("b", 7)
	if got := task.Waiting(); got != "" {
		t.Errorf("Waiting = %q", got)
	}
	wantSteps(t, task, emitted, "a0")
	if of, _, _, ok := task.Lagging(); ok {
		t.Errorf("Lagging = %v", of)
	}
	if got, want := task.Waiting(), `topic "b" partition 2: at offset 0 of 7`; got != want {
		t.Errorf("Waiting = %q, want %q", got, want)
	}
}

// merged is two topics whose records meet.
func merged(b *topology.Builder) { b.Stream(text("a")).Merge(b.Stream(text("b"))).To(text("out")) }

// valuesOf reads n values of the topic.
func (b *bench) valuesOf(topic string, n int) []string {
	b.t.Helper()
	var values []string
	b.read(topic, func(raw *record.Raw) bool {
		values = append(values, string(raw.Value))
		return len(values) == n
	})
	return values
}

// An engine holds a record back until the other input has one, or until the time is over; nothing else
// has to happen for it to go on then.
func TestEngineWaitsForIdleInputs(t *testing.T) {
	b := newBench(t, merged, "a", "b", "out")
	b.config.TaskIdle = time.Hour
	_, stop := b.start()
	b.write("a", "a0", "a1") // at 0 and 1
	b.write("b", "b0", "b1") // at 0 and 1
	if diff := cmp.Diff([]string{"a0", "b0", "a1"}, b.valuesOf("out", 3)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	b.config.TaskIdle = 50 * time.Millisecond
	_, stop = b.start()
	if diff := cmp.Diff([]string{"a0", "b0", "a1", "b1"}, b.valuesOf("out", 4)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// The last batches of an input hold nothing, as compaction may leave them: other inputs do not wait for
// what is not there, and the position moves behind it.
func TestEmptiedTailIsNotWaitedFor(t *testing.T) {
	b := newBench(t, merged, "a", "b", "out")
	b.write("b", "b0", "b1", "b2")
	info := b.TopicInfo("b")
	// Fetches of b see nothing of what stands before its end.
	b.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		for _, topic := range r.(*kmsg.FetchRequest).Topics {
			if topic.TopicID == info.TopicID {
				for i := range topic.Partitions {
					topic.Partitions[i].FetchOffset = max(topic.Partitions[i].FetchOffset, 3)
				}
			}
		}
		return nil, nil, false
	})
	e, stop := b.start()
	b.write("a", "a0")
	if diff := cmp.Diff([]string{"a0"}, b.valuesOf("out", 1)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	committed, err := e.committed(context.Background(), []record.Partition{{Topic: "b"}})
	if err != nil || committed[record.Partition{Topic: "b"}].At != 3 {
		t.Errorf("committed %v, %v, want offset 3 of b", committed, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
