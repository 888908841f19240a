package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/processor"
)

// partitions is how many each topic has. With four, murmur2 puts each New York airport into one of
// its own.
const partitions = 4

// reachable bounds the wait for a broker's first answer.
const reachable = 10 * time.Second

// kafka is the driver's side of the cluster: it makes topics, feeds the input, asks how far the
// group has come. The embedded one lives in this process and is reached over TCP, as any other.
type kafka struct {
	brokers  []string
	embedded *kfake.Cluster // nil: a real one
	client   *kgo.Client
	admin    *kadm.Client
	failed   atomic.Pointer[error] // the first record that could not be produced
}

// openKafka connects to the brokers, or starts the embedded Kafka if there are none.
func openKafka(ctx context.Context, brokers []string) (*kafka, error) {
	k := &kafka{brokers: brokers}
	if len(brokers) == 0 {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			return nil, fmt.Errorf("start the embedded Kafka: %w", err)
		}
		k.embedded, k.brokers = cluster, cluster.ListenAddrs()
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(k.brokers...),
		kgo.ClientID("flights-driver"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(2*time.Millisecond),
		kgo.MetadataMinAge(250*time.Millisecond),
	)
	if err != nil {
		k.close()
		return nil, err
	}
	k.client, k.admin = client, kadm.NewClient(client)
	pinging, cancel := context.WithTimeout(ctx, reachable)
	defer cancel()
	if err := client.Ping(pinging); err != nil {
		k.close()
		return nil, fmt.Errorf("no broker answers at %s within %v: %w", strings.Join(brokers, ", "), reachable, err)
	}
	return k, nil
}

func (k *kafka) close() {
	if k.client != nil {
		k.client.Close()
	}
	if k.embedded != nil {
		k.embedded.Close()
	}
}

// makeTopics makes an application's topics. They keep what is years old, as this data is.
func (k *kafka) makeTopics(ctx context.Context, t topics) error {
	forEver := "-1"
	config := map[string]*string{"retention.ms": &forEver}
	for _, topic := range []string{t.input.Name(), t.hourly.Name(), t.airlines.Name()} {
		if _, err := k.admin.CreateTopic(ctx, partitions, -1, config, topic); err != nil {
			return fmt.Errorf("create topic %q: %w", topic, err)
		}
	}
	return nil
}

// partitionOf is where an origin's flights are: where every Kafka producer would put them.
func partitionOf(origin string) int32 { return processor.PartitionOf([]byte(origin), partitions) }

// produce sends a flight on its way. What goes wrong shows at produceError.
func (k *kafka) produce(ctx context.Context, t topics, f Flight) error {
	value, err := t.input.ValueSerde().Append(nil, f)
	if err != nil {
		return err
	}
	k.client.Produce(ctx, &kgo.Record{
		Topic: t.input.Name(), Partition: partitionOf(f.Origin),
		Key: []byte(f.Origin), Value: value, Timestamp: time.Unix(f.Published, 0),
	}, func(_ *kgo.Record, err error) {
		if err != nil {
			k.failed.CompareAndSwap(nil, &err)
		}
	})
	return nil
}

// produceError is the first failure of produce, if there was one.
func (k *kafka) produceError() error {
	if err := k.failed.Load(); err != nil {
		return fmt.Errorf("produce: %w", *err)
	}
	return nil
}

// errUnstable says that a transaction with offsets in it is not decided yet, or that the group has no
// coordinator at the moment.
var errUnstable = errors.New("the committed offsets are not known now")

// committed is how far the group has come in each partition of a topic: what no crash takes back.
func (k *kafka) committed(ctx context.Context, group, topic string) ([]int64, error) {
	at := make([]int64, partitions)
	all, err := k.admin.FetchOffsets(kadm.RequireStable(ctx), group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return at, nil
	}
	if errors.Is(err, kerr.UnstableOffsetCommit) || kerr.IsRetriable(err) {
		return nil, errUnstable
	}
	if err != nil {
		return nil, fmt.Errorf("committed offsets of group %q: %w", group, err)
	}
	for p := range at {
		o, ok := all.Lookup(topic, int32(p))
		switch {
		case errors.Is(o.Err, kerr.UnstableOffsetCommit), kerr.IsRetriable(o.Err):
			return nil, errUnstable
		case o.Err != nil:
			return nil, fmt.Errorf("committed offset of topic %q partition %d: %w", topic, p, o.Err)
		case ok:
			at[p] = max(o.At, 0)
		}
	}
	return at, nil
}

// committedAtDeath is committed after the worker was killed. It waits until the brokers have
// decided a transaction whose end had reached them. One that was still open stays undecided until
// the next worker takes its producer's id: then the last stable offsets are those.
func (k *kafka) committedAtDeath(ctx context.Context, group, topic string, last []int64) ([]int64, error) {
	deadline := time.Now().Add(time.Second)
	for {
		at, err := k.committed(ctx, group, topic)
		if !errors.Is(err, errUnstable) {
			return at, err
		}
		if time.Now().After(deadline) {
			return last, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// drained says whether the group has processed all that is in a topic.
func (k *kafka) drained(ctx context.Context, group, topic string) (bool, error) {
	at, err := k.committed(ctx, group, topic)
	if errors.Is(err, errUnstable) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ends, err := k.admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return false, fmt.Errorf("list end of topic %q: %w", topic, err)
	}
	for p := range at {
		end, ok := ends.Lookup(topic, int32(p))
		if !ok || end.Err != nil || at[p] < end.Offset {
			return false, end.Err
		}
	}
	return true, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// describe says what Kafka this is, and what stays of an application.
func (k *kafka) describe(application string) string {
	if k.embedded != nil {
		return "Kafka is IN MEMORY, inside this process (kfake): nothing outlives it"
	}
	return fmt.Sprintf("Kafka at %s; the topics %s-* are kept", strings.Join(k.brokers, ", "), application)
}
