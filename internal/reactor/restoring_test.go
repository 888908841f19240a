package reactor

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/record"
)

// TestRestoresAreToldOfAtABoundedRate has a replayer come through two stores in half-second steps: each
// begins and ends once, and tells of progress in between at most once a second.
func TestRestoresAreToldOfAtABoundedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Restoring
		a := &assignment{id: record.TaskID{Subtopology: 1, Partition: 2}}
		a.restoring.began.Store(time.Now().UnixNano())
		r := replayer{
			engine:     &Engine{config: Config{OnRestore: func(r Restoring) { told = append(told, r) }}},
			assignment: a,
			stores:     map[record.Partition]string{{Topic: "a-log", ID: 2}: "a", {Topic: "b-log", ID: 2}: "b"},
			read:       map[string]int64{"a": 10, "b": 0},
			ends:       map[string]int64{"a": 16, "b": 5},
		}
		r.began()
		for range 5 {
			time.Sleep(500 * time.Millisecond)
			r.read["a"]++
			r.records++
			r.advanced("a")
		}
		r.read["b"], r.records = 5, r.records+4 // one of its offsets is a marker
		r.advanced("b")
		if d := cmp.Diff(metrics.Restore{Records: 9, Remaining: 1, Took: 2500 * time.Millisecond}, a.restoring.progress(time.Now())); d != "" {
			t.Errorf("progress: %s", d)
		}
		r.suspended()

		of := func(event RestoreEvent, store string, from, at, end, records int64, took time.Duration) Restoring {
			return Restoring{
				Task: a.id, Event: event, Store: store, Partition: record.Partition{Topic: store + "-log", ID: 2},
				From: from, Position: at, End: end, Records: records, Took: took,
			}
		}
		want := []Restoring{
			of(RestoreStarted, "a", 10, 10, 16, 0, 0),
			of(RestoreStarted, "b", 0, 0, 5, 0, 0),
			of(RestoreProgress, "a", 10, 12, 16, 2, time.Second),
			of(RestoreProgress, "a", 10, 14, 16, 4, 2*time.Second),
			of(RestoreDone, "b", 0, 5, 5, 4, 2500*time.Millisecond),
			of(RestoreSuspended, "a", 10, 15, 16, 5, 2500*time.Millisecond),
		}
		if d := cmp.Diff(want, told); d != "" {
			t.Error(d)
		}
	})
}

// A span that is not there takes everything and does nothing.
func TestNoTracerNoSpans(t *testing.T) {
	e := &Engine{}
	s := e.start("commit", time.Now(), nil)
	if s != nil {
		t.Fatalf("got %v", s)
	}
	s.set("loop", 1)
	s.enter("freeze")
	s.failed(errors.New("no"))
	s.end(nil)
}
