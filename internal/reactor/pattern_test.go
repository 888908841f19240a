package reactor

import (
	"context"

	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

var logs = topology.NewTopicPattern(regexp.MustCompile("logs-.*"), serde.String(), serde.String())

// countLogs counts records by key, in two stores, so that what a commit proves is more than one number.
func countLogs(b *topology.Builder) {
	grouped := b.StreamMatching(logs).GroupByKey()
	grouped.Count(topology.As("beside"))
	grouped.Count(topology.As("counts")).ToStream().To(topology.NewTopic("out", serde.String(), serde.Int64()))
}

// logsBench has topics that the pattern matches, each of some partitions.
type logsBench struct {
	*bench
	client *kgo.Client
	sent   int
}

func newLogsBench(t *testing.T, partitions int, topics ...string) *logsBench {
	t.Helper()
	return newLogsBenchOf(t, countLogs, partitions, topics...)
}

func newLogsBenchOf(t *testing.T, build func(*topology.Builder), partitions int, topics ...string) *logsBench {
	t.Helper()
	b := &logsBench{bench: newBench(t, build, "out")}
	var err error
	b.client, err = kgo.NewClient(kgo.SeedBrokers(b.config.Kafka.Brokers...), kgo.Dialer(b.dial), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.client.Close)
	for _, topic := range topics {
		b.make(topic, partitions)
	}
	return b
}

func (b *logsBench) make(topic string, partitions int) {
	b.t.Helper()
	b.client.PurgeTopicsFromClient(topic) // it may know one of that name that was deleted
	if err := b.CreateTopic(topic, int32(partitions), nil); err != nil {
		b.t.Fatal(err)
	}
}

// send writes n records of 23 keys to each of the topics.
func (b *logsBench) send(n int, topics ...string) {
	b.t.Helper()
	var records []*kgo.Record
	for _, topic := range topics {
		for i := range n {
			records = append(records, &kgo.Record{Topic: topic, Key: fmt.Append(nil, "k", i%23), Value: []byte("line")})
		}
	}
	b.sent += len(records)
	if err := b.client.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// exact reads the counts of all that was sent.
func (b *logsBench) exact() {
	b.t.Helper()
	b.counted("out", b.sent)
}

// second is the config of another instance.
func (b *logsBench) second() Config {
	c, dir := b.config, b.t.TempDir()
	c.InstanceID = "two"
	c.TaskDir = func(id record.TaskID) (string, error) {
		path := filepath.Join(dir, id.String())
		return path, os.MkdirAll(path, 0o700)
	}
	return c
}

// A topic that is made while the app runs is read with the others, from its beginning, and what was counted
// before goes on; under load, with one instance.
func TestNewTopicIsReadWhileTheAppRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLogsBench(t, 2, "logs-a")
		e, stop := b.start()
		b.send(100, "logs-a")
		b.exact()
		b.make("logs-b", 2)
		for range 24 {
			b.send(50, "logs-a", "logs-b")
			time.Sleep(watchEvery / 12)
		}
		b.exact()
		if n := e.opened.Load(); n != 4 {
			t.Errorf("tasks were opened %d times, want 2 at the start and 2 with the topic", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// With two instances, each of which finds the new topic in its own time, no task is given to two and none
// of its records is counted twice.
func TestNewTopicIsReadByAllInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLogsBench(t, 4, "logs-a")
		one, stopOne := b.start()
		b.send(100, "logs-a")
		b.exact()
		time.Sleep(watchEvery / 3) // so that they do not look at the same time
		b.config = b.second()
		two, stopTwo := b.start()
		until(func() bool { b.send(23, "logs-a"); return two.Metrics().Processed > 0 })
		for i := range 3 {
			topic := fmt.Sprint("logs-new-", i)
			b.make(topic, 4)
			for range 24 {
				b.send(20, "logs-a", topic)
				time.Sleep(watchEvery / 12)
			}
		}
		b.exact()
		for name, e := range map[string]*Engine{"first": one, "second": two} {
			e.mu.Lock()
			for id, a := range e.assignments {
				if len(a.inputs.partitions) != 4 {
					t.Errorf("task %s of the %s instance reads %v, want 4 topics", id, name, a.inputs.partitions)
				}
			}
			if len(e.assignments) != 2 {
				t.Errorf("the %s instance has %d tasks, want 2", name, len(e.assignments))
			}
			e.mu.Unlock()
		}
		for _, stop := range []func() error{stopOne, stopTwo} {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A topic that is deleted while the app runs is forgotten: the others go on with what was counted, in the
// next life too, and one of its name that is made later is read from its beginning. This is in real time,
// because the client asks for what is gone as fast as brokers answer.
func TestDeletedTopicOfAPatternIsForgotten(t *testing.T) {
	for _, exactlyOnce := range []bool{true, false} {
		t.Run(fmt.Sprintf("exactly once %v", exactlyOnce), func(t *testing.T) {
			b := newLogsBench(t, 2, "logs-a", "logs-b", "logs-c")
			b.config.ExactlyOnce, b.config.WatchInterval = exactlyOnce, 50*time.Millisecond
			e, stop := b.start()
			b.send(100, "logs-a", "logs-b", "logs-c")
			b.exact()
			b.awaitCommit(e)
			if err := b.DeleteTopic("logs-b"); err != nil {
				t.Fatal(err)
			}
			until(func() bool { b.send(23, "logs-a", "logs-c"); return !e.topics().byPattern("logs-b") })
			b.send(100, "logs-a", "logs-c")
			b.exact()
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			_, stop = b.start()
			b.send(100, "logs-a", "logs-c")
			b.exact()
			b.make("logs-b", 2)
			b.send(100, "logs-b")
			b.exact()
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// awaitCommit waits until all that was sent is committed.
func (b *logsBench) awaitCommit(e *Engine) {
	until(func() bool {
		s, behind := e.Metrics(), int64(0)
		for i := range s.Tasks {
			for j := range s.Tasks[i].Inputs {
				behind += s.Tasks[i].Inputs[j].Lag()
			}
		}
		return s.Processed == int64(b.sent) && behind == 0
	})
}

// When all topics that a pattern matches are deleted the app goes on without tasks, until there is one
// again. With the offsets of all of a task's topics the proof of its state is gone too.
func TestPatternMayMatchNothingForAWhile(t *testing.T) {
	pass := func(b *topology.Builder) { b.StreamMatching(logs).To(text("out")) }
	for name, build := range map[string]func(*topology.Builder){"stateless": pass, "stateful": countLogs} {
		t.Run(name, func(t *testing.T) {
			b := newLogsBenchOf(t, build, 2, "logs-a")
			b.config.WatchInterval = 50 * time.Millisecond
			e, stop := b.start()
			b.send(100, "logs-a")
			b.awaitCommit(e)
			if err := b.DeleteTopic("logs-a"); err != nil {
				t.Fatal(err)
			}
			tasks := func() int {
				e.mu.Lock()
				defer e.mu.Unlock()
				return len(e.assignments)
			}
			until(func() bool { return tasks() == 0 })
			b.make("logs-b", 2)
			b.send(100, "logs-b")
			if name == "stateful" {
				<-e.work.Done()
				want(t, stop(), "local state is of commit", "no offset is committed", "to start over")
				return
			}
			b.valuesOf("out", 200)
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A topic that cannot be read beside the others ends the app, with the fix.
func TestNewTopicThatDoesNotFitEndsTheApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLogsBench(t, 2, "logs-a")
		e, stop := b.start()
		b.send(100, "logs-a")
		b.exact()
		b.make("logs-wide", 3)
		<-e.work.Done()
		want(t, stop(), `"app-counts-changelog" has 2 partitions, the topology needs 3`, "start over")
	})
}

func want(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want an error that says %q", err, part)
		}
	}
}

// A static member that comes back within its session is given what it had. It reads more by then.
func TestTopicThatIsMadeBetweenTwoLivesIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLogsBench(t, 2, "logs-a")
		_, stop := b.start()
		b.send(100, "logs-a")
		b.exact()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		b.make("logs-b", 2)
		b.send(100, "logs-b")
		_, stop = b.start()
		b.exact()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Without a pattern nobody asks for all topics of the cluster.
func TestWithoutAPatternAllTopicsAreNotListed(t *testing.T) {
	for _, pattern := range []bool{true, false} {
		t.Run(fmt.Sprint(pattern), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				build, topic := countKeys, "in"
				if pattern {
					build, topic = countLogs, "logs-a"
				}
				b := newBench(t, build, topic, "out")
				var listed atomic.Int64
				b.ControlKey(kmsg.Metadata.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
					b.KeepControl()
					if r.(*kmsg.MetadataRequest).Topics == nil {
						listed.Add(1)
					}
					return nil, nil, false
				})
				_, stop := b.start()
				b.write(topic, repeated(70, 7)...)
				b.counted("out", 70)
				time.Sleep(10 * watchEvery)
				if n := listed.Load(); pattern && n < 10 || !pattern && n > 0 {
					t.Errorf("all topics were listed %d times", n)
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
