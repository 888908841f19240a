package protocol

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/integration/cluster"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// brokers are those of the cluster that the tests share.
var brokers []string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		// Without it brokers take what looks like a late record of an ended transaction, as those before KIP-890.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // on a busy machine
		defer cancel()
		c, err := cluster.Start(ctx, cluster.Config{Properties: map[string]string{"transaction.partition.verification.enable": "false"}})
		if err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = c.Close() }()
		brokers = c.Addrs()
		return m.Run()
	}())
}

// bench is an application that counts the records of a topic by key, and clients beside it.
type bench struct {
	t       *testing.T
	id      string // the application's
	in, out string
	admin   *kadm.Client
	client  *kgo.Client
	log     lines
	dir     string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	id := strings.ToLower(t.Name())
	b := &bench{t: t, id: id, in: id + "-in", out: id + "-out", dir: filepath.Join(t.TempDir(), "state")}
	b.client = b.connect()
	b.admin = kadm.NewClient(b.client)
	made, err := b.admin.CreateTopics(b.minute(), 1, 1, nil, b.in, b.out)
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) connect(opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(client.Close)
	return client
}

func (b *bench) minute() context.Context {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	b.t.Cleanup(cancel)
	return ctx
}

func (b *bench) changelog() string { return b.id + "-counts-changelog" }

// start runs an instance until stop.
func (b *bench) start(instance string, set func(*pitwheel.Config)) (stop func()) {
	b.t.Helper()
	builder := topology.NewBuilder()
	builder.Stream(topology.NewTopic(b.in, serde.String(), serde.String())).GroupByKey().Count(topology.As("counts")).ToStream().
		To(topology.NewTopic(b.out, serde.String(), serde.Int64()))
	plan, err := builder.Build()
	if err != nil {
		b.t.Fatal(err)
	}
	c := pitwheel.Config{
		ApplicationID: b.id, InstanceID: instance, Brokers: brokers, StateDir: filepath.Join(b.dir, instance), Loops: 1, LeaveOnStop: true,
		SessionTimeout: 6 * time.Second, Logger: slog.New(slog.NewTextHandler(&b.log, nil)),
	}
	if set != nil {
		set(&c)
	}
	app, err := pitwheel.New(plan, c)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := app.Run(ctx); err != nil {
			b.t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	b.t.Cleanup(stop)
	return stop
}

// write sends n records of keys k0, k1 ... k6 in turn.
func (b *bench) write(n int) {
	b.t.Helper()
	for i := range n {
		b.client.Produce(b.minute(), &kgo.Record{Topic: b.in, Key: fmt.Append(nil, "k", i%7), Value: []byte("v")}, func(_ *kgo.Record, err error) {
			if err != nil {
				b.t.Error(err)
			}
		})
	}
	if err := b.client.Flush(b.minute()); err != nil {
		b.t.Fatal(err)
	}
}

// counted reads committed counts until there are n, and checks that each key's are 1, 2, 3 ...
func (b *bench) counted(n int) {
	b.t.Helper()
	client := b.connect(kgo.ConsumeTopics(b.out), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	ctx, seen, last := b.minute(), 0, map[string]uint64{}
	for seen < n {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			b.t.Fatalf("%d of %d counts are there; the log:\n%s", seen, n, b.log.text())
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if count := binary.BigEndian.Uint64(r.Value); count != last[string(r.Key)]+1 {
				b.t.Errorf("key %q: %d follows %d", r.Key, count, last[string(r.Key)])
			} else {
				last[string(r.Key)] = count
			}
			seen++
		})
	}
}

// says waits until the log says something.
func (b *bench) says(what ...string) {
	b.t.Helper()
	ctx := b.minute()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, want := range what {
		for !strings.Contains(b.log.text(), want) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				b.t.Fatalf("the log does not say %q:\n%s", want, b.log.text())
			}
		}
	}
}

// lines is a log.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(line)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// transaction is one of an instance's first loop.
type transaction struct {
	b        *bench
	client   *kgo.Client
	id       string
	producer int64
	epoch    int16
}

// late appends a record of the transaction to a topic's only partition, whatever became of the transaction.
func (x *transaction) late(topic string, key, value []byte) {
	b := x.b
	b.t.Helper()
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(kmsg.Produce.Int16(), 11) // from 12 on it would begin a transaction
	client := b.connect(kgo.MaxVersions(versions))
	r := kmsg.Record{Key: key, Value: value}
	body := r.AppendTo(nil) // its length is one byte of zero by now
	r.Length = int32(len(body) - 1)
	batch := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, Attributes: 1 << 4, // transactional
		FirstTimestamp: time.Now().UnixMilli(), MaxTimestamp: time.Now().UnixMilli(), ProducerID: x.producer, ProducerEpoch: x.epoch, NumRecords: 1,
		Records: r.AppendTo(nil),
	}
	const before, crc = 12, 21 // bytes before what the length counts, and before what the checksum covers
	batch.Length = int32(len(batch.AppendTo(nil)) - before)
	raw := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[crc-4:], crc32.Checksum(raw[crc:], crc32.MakeTable(crc32.Castagnoli)))
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Records = raw
	to := kmsg.NewProduceRequestTopic()
	to.Topic, to.Partitions = topic, append(to.Partitions, partition)
	req := kmsg.NewPtrProduceRequest()
	req.TransactionID, req.Acks, req.TimeoutMillis, req.Topics = &x.id, -1, 10000, append(req.Topics, to)
	resp, err := req.RequestWith(b.minute(), client)
	if err != nil || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		b.t.Fatalf("%+v, %v", resp, err)
	}
}

// begun is a transaction with a record in a topic.
func (b *bench) begun(instance, topic string) *transaction {
	b.t.Helper()
	x := &transaction{b: b, id: b.id + "-0@" + instance}
	x.client = b.connect(kgo.TransactionalID(x.id), kgo.TransactionTimeout(time.Minute))
	if err := x.client.BeginTransaction(); err != nil {
		b.t.Fatal(err)
	}
	if err := x.client.ProduceSync(b.minute(), &kgo.Record{Topic: topic, Key: []byte("k0"), Value: make([]byte, 8)}).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
	var err error
	if x.producer, x.epoch, err = x.client.ProducerID(b.minute()); err != nil {
		b.t.Fatal(err)
	}
	return x
}

// abort ends it everywhere that its coordinator knows.
func (x *transaction) abort() {
	x.b.t.Helper()
	if err := x.client.EndTransaction(x.b.minute(), kgo.TryAbort); err != nil {
		x.b.t.Fatal(err)
	}
}
