package integration_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/integration/kafkatest"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// application is what runs in most tests: it makes a chain of each key's numbers, behind a repartition
// topic, and writes the chain after each number. A chain tells which numbers it was made of, how often
// and in which order.
type application struct {
	ID      string
	Numbers string // a topic: "k1" -> 1
	Chains  string // a topic: "moved-k1" -> the chain so far
}

const (
	partitions = 4
	keys       = 101
	chainStore = "chains"
)

// newApplication makes topics that nothing else has.
func newApplication(t *testing.T, k *kafkatest.Kafka) application {
	t.Helper()
	a := application{ID: kafkatest.Name(t, "app"), Numbers: kafkatest.Name(t, "numbers"), Chains: kafkatest.Name(t, "chains")}
	k.Create(partitions, a.numbers(), a.chains())
	return a
}

func (a application) numbers() topology.Topic[string, int64] {
	return topology.NewTopic(a.Numbers, serde.String(), serde.Int64())
}

func (a application) chains() topology.Topic[string, int64] {
	return topology.NewTopic(a.Chains, serde.String(), serde.Int64())
}

// repartition is the internal topic before the store.
func (a application) repartition() kafkatest.Topic {
	return kafkatest.Topic(a.ID + "-" + chainStore + "-repartition")
}

func (a application) changelog() kafkatest.Topic {
	return kafkatest.Topic(a.ID + "-" + chainStore + "-changelog")
}

func (a application) plan() (*topology.Plan, error) {
	plan, _, err := a.planAndStore()
	return plan, err
}

func (a application) planAndStore() (*topology.Plan, store.KeyValueRef[string, int64], error) {
	b := topology.NewBuilder()
	chains := b.Stream(a.numbers()).
		SelectKey(func(key string, _ int64) string { return "moved-" + key }).
		GroupByKey().
		Aggregate(func() int64 { return 0 }, func(_ string, number, chain int64) int64 { return link(chain, number) }, topology.As(chainStore))
	chains.ToStream().To(a.chains())
	plan, err := b.Build()
	return plan, chains.Store(), err
}

// link is what a chain becomes with the next number.
func link(chain, number int64) int64 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(chain))
	binary.BigEndian.PutUint64(b[8:], uint64(number))
	h := fnv.New64a()
	_, _ = h.Write(b[:])
	return int64(h.Sum64())
}

// load sends numbers, and knows without pitwheel what must come of them.
type load struct {
	t      *testing.T
	k      *kafkatest.Kafka
	app    application
	client *kgo.Client
	sent   int64
	want   map[string][]int64 // by key: the chain after each of its numbers
	end    func()             // what begin began; it may be called again
}

func newLoad(t *testing.T, k *kafkatest.Kafka, app application) *load {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.DefaultProduceTopic(app.Numbers),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MetadataMinAge(250*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &load{t: t, k: k, app: app, client: client, want: map[string][]int64{}}
}

// send sends n numbers and returns once they are there.
func (l *load) send(n int) {
	records := make([]*kgo.Record, n)
	for i := range n {
		number := l.sent
		l.sent++
		key := fmt.Sprintf("k%d", (number*number+number)%keys)
		records[i] = &kgo.Record{Key: []byte(key), Value: binary.BigEndian.AppendUint64(nil, uint64(number))}
		done := l.want["moved-"+key]
		chain := int64(0)
		if len(done) > 0 {
			chain = done[len(done)-1]
		}
		l.want["moved-"+key] = append(done, link(chain, number))
	}
	if err := l.client.ProduceSync(l.t.Context(), records...).FirstErr(); err != nil {
		l.t.Errorf("send numbers: %v", err)
	}
}

// begin sends numbers, some at a time, until end.
func (l *load) begin() {
	var sending sync.WaitGroup
	stop := make(chan struct{})
	l.end = sync.OnceFunc(func() {
		close(stop)
		sending.Wait()
	})
	l.t.Cleanup(l.end)
	sending.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			l.send(20)
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})
}

// check waits until the application has read everything, and compares all that it wrote with what it
// had to write: every chain, once, in its order.
func (l *load) check() {
	l.t.Helper()
	l.k.AwaitRead(l.app.ID, l.app.numbers(), l.app.repartition())
	got := map[string][]int64{}
	for _, r := range l.k.Output(l.app.chains()).All() {
		got[r.Key()] = append(got[r.Key()], r.Value())
	}
	for _, key := range slices.Sorted(maps.Keys(l.want)) {
		if !slices.Equal(got[key], l.want[key]) {
			l.t.Errorf("key %s has %d results, want %d; they differ from number %d on",
				key, len(got[key]), len(l.want[key]), firstDifference(got[key], l.want[key]))
		}
	}
	if len(got) != len(l.want) {
		l.t.Errorf("there are %d keys, want %d", len(got), len(l.want))
	}
	l.t.Logf("%d numbers, every result once and in its order", l.sent)
}

func firstDifference(a, b []int64) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// written is how many records the topic has, markers included.
func written(t *testing.T, k *kafkatest.Kafka, topic kafkatest.Named) (n int64) {
	t.Helper()
	ends, err := admin(t, k).ListCommittedOffsets(t.Context(), topic.Name())
	if err != nil {
		return 0 // a broker is down: it is asked again
	}
	for _, p := range ends[topic.Name()] {
		n += max(p.Offset, 0)
	}
	return n
}

// progress waits until the application has written so many more records.
func (l *load) progress(n int64) {
	l.t.Helper()
	from := written(l.t, l.k, l.app.chains())
	await(l.t, fmt.Sprintf("%d more results", n), func() bool { return written(l.t, l.k, l.app.chains()) >= from+n })
}
