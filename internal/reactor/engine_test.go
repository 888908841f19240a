package reactor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// bench is a cluster in this process whose connections can be cut, and an engine on it.
type bench struct {
	*kfake.Cluster
	t      *testing.T
	config Config
	outage atomic.Bool // while set, answers are lost and connections refused
	dial   func(ctx context.Context, kind, host string) (net.Conn, error)
}

func newBench(t *testing.T, build func(*topology.Builder), topics ...string) *bench {
	t.Helper()
	var network kfake.VirtualNetwork
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(1, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b := topology.NewBuilder()
	build(b)
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	k := &bench{Cluster: c, t: t, dial: network.DialContext}
	shared := store.NewShared(8<<20, 8<<20)
	t.Cleanup(func() { _ = shared.Close() })
	dir := t.TempDir()
	k.config = Config{
		Plan: p.Compiled(), ApplicationID: "app", InstanceID: "one", ExactlyOnce: true,
		TaskDir: func(id record.TaskID) (string, error) {
			path := filepath.Join(dir, id.String())
			return path, os.MkdirAll(path, 0o700)
		},
		CommitInterval: 20 * time.Millisecond, FlushInterval: time.Second, FlushBytes: 64 << 20,
		TransactionTimeout: 10 * time.Second, SessionTimeout: 10 * time.Second, StopTimeout: 20 * time.Second,
		Loops: 1, BufferBytes: 4 << 20, CreateTopics: true, Replication: -1,
		Shared: shared, Logger: slog.New(slog.DiscardHandler),
		Kafka: kafka.Config{
			Brokers: c.ListenAddrs(), ClientID: "test", Logger: slog.New(slog.DiscardHandler),
			Dial: func(ctx context.Context, kind, host string) (net.Conn, error) {
				if k.outage.Load() {
					return nil, errors.New("connection refused")
				}
				conn, err := network.DialContext(ctx, kind, host)
				return &losing{conn, &k.outage}, err
			},
		},
	}
	return k
}

// losing is a connection whose answers are lost during an outage.
type losing struct {
	net.Conn
	outage *atomic.Bool
}

func (l *losing) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if err == nil && l.outage.Load() {
		_ = l.Close()
		return 0, io.EOF
	}
	return n, err
}

// start runs an engine; stop ends it and returns what Run returned.
func (b *bench) start() (e *Engine, stop func() error) {
	e = New(b.config)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var result error
	go func() {
		defer close(ended)
		result = e.Run(ctx)
	}()
	stop = func() error {
		cancel()
		<-ended
		return result
	}
	b.t.Cleanup(func() { _ = stop() })
	return e, stop
}

// write puts values into the topic, each its own key.
func (b *bench) write(topic string, values ...string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	b.writeBy(ctx, b.config.Kafka, topic, values...)
}

// writeBeside is write over connections that an outage does not cut.
func (b *bench) writeBeside(topic string, values ...string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	config := b.config.Kafka
	config.Dial = b.dial
	b.writeBy(ctx, config, topic, values...)
}

func (b *bench) writeBy(ctx context.Context, config kafka.Config, topic string, values ...string) {
	b.t.Helper()
	p, err := kafka.NewProducer(ctx, config, kafka.ProducerConfig{Group: "test"})
	if err != nil {
		b.t.Fatal(err)
	}
	defer p.Close()
	for i, v := range values {
		out := processor.Output{Topic: &processor.Topic{Name: topic, Partitions: 1}, Key: []byte(v), Value: []byte(v), Time: record.Time(i)}
		if err := p.Produce(ctx, &out, nil); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := p.Flush(ctx); err != nil {
		b.t.Fatal(err)
	}
}

// read gives the committed records of the topic, from the first on, until each returns true.
func (b *bench) read(topic string, each func(*record.Raw) (done bool)) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	r, err := kafka.NewReader(b.config.Kafka, map[record.Partition]int64{{Topic: topic}: 0})
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Close()
	for done := false; !done; {
		err := r.Poll(ctx, func(f kafka.Fetched) {
			for i := range f.Records {
				done = each(&f.Records[i]) || done
			}
		})
		if err != nil || ctx.Err() != nil {
			b.t.Fatalf("read topic %q: %v, %v", topic, err, ctx.Err())
		}
	}
}

// counted reads the counts in the topic until there are n, and checks that each key's are 1, 2, 3 ...
func (b *bench) counted(topic string, n int) {
	b.t.Helper()
	last, seen := map[string]int64{}, 0
	b.read(topic, func(raw *record.Raw) bool {
		key, count := string(raw.Key), int64(binary.BigEndian.Uint64(raw.Value))
		if count != last[key]+1 {
			b.t.Errorf("key %q: %d follows %d at offset %d", key, count, last[key], raw.Offset)
		}
		last[key] = count
		seen++
		return seen == n
	})
}

func text(name string) topology.Topic[string, string] {
	return topology.NewTopic(name, serde.String(), serde.String())
}

// countKeys counts records by key.
func countKeys(b *topology.Builder) {
	b.Stream(text("in")).GroupByKey().Count(topology.As("counts")).ToStream().
		To(topology.NewTopic("out", serde.String(), serde.Int64()))
}

// repeated are n values, of k different ones.
func repeated(n, k int) []string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprint("v", i%k)
	}
	return values
}

// until waits for the condition.
func until(condition func() bool) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		<-tick.C
	}
}

// The answer to the end of a transaction is lost, whether the brokers did it or not: either way each
// record counts once, in this life and, with the state that it left, in the next.
func TestLostAnswerToACommitLeavesNoTrace(t *testing.T) {
	for _, done := range []bool{true, false} {
		t.Run(fmt.Sprintf("done %v", done), func(t *testing.T) {
			b := newBench(t, countKeys, "in", "out")
			var armed atomic.Bool
			cut := make(chan struct{})
			b.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
				b.KeepControl()
				if !r.(*kmsg.EndTxnRequest).Commit || !armed.CompareAndSwap(true, false) {
					return nil, nil, false
				}
				b.outage.Store(true)
				close(cut)
				if done {
					return nil, nil, false
				}
				return nil, errors.New("lost"), true
			})
			e, stop := b.start()
			b.write("in", repeated(140, 7)...)
			b.counted("out", 140)
			b.write("in", repeated(70, 7)...)
			b.counted("out", 210)
			// The next commit is hit, with records in it or, if it comes too soon, without.
			armed.Store(true)
			b.writeBeside("in", repeated(70, 7)...)
			<-cut
			ended := time.AfterFunc(700*time.Millisecond, func() { b.outage.Store(false) })
			defer ended.Stop()
			until(func() bool { return !b.outage.Load() })
			b.counted("out", 280)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if aborts := e.Metrics().Aborts; (aborts == 0) != done {
				t.Errorf("%d commits were done again", aborts)
			}
			_, stop = b.start()
			b.write("in", repeated(70, 7)...)
			b.counted("out", 350)
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
