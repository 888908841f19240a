package reactor

import (
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/changelog"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

// The answer to a commit is lost, and what is found committed has its number and another owner: it is not
// ours, and the task is somebody else's by now. So nothing of it may be taken for done here.
func TestCommitOfAnotherOwnerIsNotOurs(t *testing.T) {
	b := newBench(t, countKeys, "in", "out")
	log := &lines{}
	b.config.Logger = slog.New(slog.NewTextHandler(log, nil))
	var armed atomic.Bool
	b.ControlKey(int16(kmsg.TxnOffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		if !armed.Load() {
			return nil, nil, false
		}
		req := r.(*kmsg.TxnOffsetCommitRequest)
		for i := range req.Topics {
			for j := range req.Topics[i].Partitions {
				p := &req.Topics[i].Partitions[j]
				m, err := changelog.DecodeMetadata(*p.Metadata)
				if err != nil {
					t.Error(err)
				}
				m.Owner++
				*p.Metadata = m.Encode()
			}
		}
		return nil, nil, false
	})
	cut := make(chan struct{})
	b.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		if armed.CompareAndSwap(true, false) {
			b.outage.Store(true)
			close(cut)
		}
		return nil, nil, false
	})
	_, stop := b.start()
	b.write("in", repeated(70, 7)...)
	b.counted("out", 70)
	log.taken()
	armed.Store(true)
	b.writeBeside("in", repeated(70, 7)...)
	<-cut
	ended := time.AfterFunc(700*time.Millisecond, func() { b.outage.Store(false) }) // the answer is lost by then
	defer ended.Stop()
	text, end := "", time.Now().Add(20*time.Second)
	until(func() bool {
		text += log.taken()
		return strings.Contains(text, "somebody else has committed") || strings.Contains(text, "the commit was done after all") || time.Now().After(end)
	})
	if !strings.Contains(text, "somebody else has committed") {
		t.Errorf("the task was not given up:\n%s", text)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// The offsets of a commit are seen before the markers of its transaction are written to the changelogs
// (KAFKA-10167). A restore that takes the last stable offset for the end misses the last commit.
func TestStableEndIsNotTheEnd(t *testing.T) {
	b := newBench(t, countKeys, "in", "out")
	_, stop := b.start()
	b.write("in", repeated(140, 7)...)
	b.counted("out", 140)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "empty")
	taskDir := b.config.TaskDir
	b.config.TaskDir = func(id record.TaskID) (string, error) {
		_, err := taskDir(id)
		return dir, err
	}
	var asked atomic.Int32
	b.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		req := r.(*kmsg.ListOffsetsRequest)
		if req.IsolationLevel != 1 || req.Topics[0].Topic != "app-counts-changelog" || asked.Add(1) > 5 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = req.Topics[0].Topic
		for _, p := range req.Topics[0].Partitions {
			of := kmsg.NewListOffsetsResponseTopicPartition()
			of.Partition, of.Offset = p.Partition, 0
			topic.Partitions = append(topic.Partitions, of)
		}
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	_, stop = b.start()
	b.write("in", repeated(70, 7)...)
	b.counted("out", 210)
	if asked.Load() <= 5 {
		t.Errorf("the stable end was asked for %d times: the test tests nothing", asked.Load())
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// What only a timer did is committed with the offset of every input, though none has moved: without one
// the transaction of somebody who is no member any more would count.
func TestWhatATimerDidIsCommittedWithEveryOffset(t *testing.T) {
	var now record.Time
	s := newTicking(t, &ticker{setUp: func(step *processor.Step, emit func(string, record.Time)) {
		step.Host.Schedule(step, time.Second, windowing.WallClock, func(at record.Time) error {
			emit("w", at)
			return nil
		})
	}}, &now)
	s.run("feed a=x@0\nstep 1\ncommit")
	s.wall(1000)
	s.commit()
	s.wall(2000)
	c, err := s.task.Freeze()
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	if len(c.Offsets) != len(s.task.Inputs()) {
		t.Errorf("the commit has the offsets %v of the inputs %v", c.Offsets, s.task.Inputs())
	}
}
