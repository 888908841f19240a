package kafkatest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/integration/cluster"
)

// Kind is what Kafka a test has.
type Kind string

// The kinds.
const (
	Container Kind = "container" // a real one, in containers of this process
	Given     Kind = "given"     // the one that KAFKA_BROKERS names
	Embedded  Kind = "embedded"  // franz-go's kfake, in this process
)

// Kafka is a running one, for one test.
type Kafka struct {
	// Kind says what it is.
	Kind Kind
	// Brokers are its addresses, for Config.Brokers and for clients.
	Brokers []string

	t       testing.TB
	cluster *cluster.Cluster
	client  *kgo.Client
	admin   *kadm.Client

	patience time.Duration // how long it waits for anything

	topics       []string        // made by this test
	applications map[string]bool // whose internal topics and groups go with it
}

// defaultPatience is how long a test waits for what should be there in a moment.
const defaultPatience = time.Minute

// Run gives the test a running Kafka. The first call of a process starts it, those with the same
// options share it. What it is, is decided by, in this order: the option InMemory; PITWHEEL_KAFKA, which is
// "container", "embedded" or "skip"; KAFKA_BROKERS, addresses with commas between; else it is a container.
// The test fails where there is none; with PITWHEEL_KAFKA=skip it is skipped where no Docker daemon
// answers.
func Run(t testing.TB, opts ...Option) *Kafka {
	t.Helper()
	var s settings
	for _, o := range opts {
		o(&s)
	}
	kind, err := s.kind()
	if err != nil {
		t.Fatal(err)
	}
	r, err := running(t.Context(), kind, s)
	switch {
	case errors.Is(err, cluster.ErrDocker) && skips():
		t.Skipf("kafkatest: %v (skipped because PITWHEEL_KAFKA is skip)", err)
	case errors.Is(err, cluster.ErrDocker):
		t.Fatalf("kafkatest: %v\nor use a Kafka that runs already: KAFKA_BROKERS=host:port,...\n"+
			"or the one in memory: PITWHEEL_KAFKA=embedded, or kafkatest.InMemory()\n"+
			"or skip such tests: PITWHEEL_KAFKA=skip", err)
	case err != nil:
		t.Fatalf("kafkatest: %v", err)
	}
	k := &Kafka{Kind: kind, Brokers: r.brokers, t: t, cluster: r.cluster, applications: map[string]bool{}, patience: cmp.Or(s.patience, defaultPatience)}
	t.Logf("kafkatest: Kafka is %s", k)
	if k.client, err = kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	k.admin = kadm.NewClient(k.client)
	t.Cleanup(k.close)
	ctx, cancel := k.context()
	defer cancel()
	if err := k.client.Ping(ctx); err != nil {
		t.Fatalf("kafkatest: no broker answers at %v: %v", k.Brokers, err)
	}
	return k
}

// String says what Kafka it is and where.
func (k *Kafka) String() string {
	at := strings.Join(k.Brokers, ",")
	switch k.Kind {
	case Container:
		return "real, in a container, at " + at
	case Given:
		return "the one that KAFKA_BROKERS names, at " + at
	default:
		return "IN MEMORY (kfake), which is not Kafka itself, at " + at
	}
}

// Cluster is for killing, stopping and pausing brokers; nil unless Kind is Container. Others may
// share it: see Alone.
func (k *Kafka) Cluster() *cluster.Cluster { return k.cluster }

// Create makes topics, with as many partitions each and the brokers' default replication. They are
// deleted when the test ends. The test fails if one is there already: give each test names of its
// own, with Name.
func (k *Kafka) Create(partitions int32, topics ...Named) {
	k.t.Helper()
	ctx, cancel := k.context()
	defer cancel()
	for _, t := range topics {
		k.create(ctx, t.Name(), partitions)
		k.topics = append(k.topics, t.Name())
	}
	for _, t := range topics {
		k.partitions(t.Name())
	}
}

// create asks again while brokers are too few: one that is short of time may be missing for a moment.
func (k *Kafka) create(ctx context.Context, topic string, partitions int32) {
	k.t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		_, err := k.admin.CreateTopic(ctx, partitions, -1, nil, topic)
		switch {
		case err == nil:
			return
		case errors.Is(err, kerr.TopicAlreadyExists):
			k.t.Fatalf("kafkatest: topic %q is there already, and not this test's: take another name, as from kafkatest.Name(t, %[1]q)", topic)
		case !errors.Is(err, kerr.InvalidReplicationFactor):
			k.t.Fatalf("kafkatest: create topic %q: %v", topic, err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			k.t.Fatalf("kafkatest: create topic %q: %v", topic, err)
		}
	}
}

// partitions is how many a topic has. One that was made a moment ago need not be known to the broker
// that is asked, so it is asked again for a while.
func (k *Kafka) partitions(topic string) int32 {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), topicPatience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		topics, err := k.admin.ListTopics(ctx, topic)
		if err == nil {
			err = topics.Error()
		}
		if err == nil {
			return int32(len(topics[topic].Partitions))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			k.t.Fatalf("kafkatest: topic %q: %v: make it with Create", topic, err)
		}
	}
}

// topicPatience is how long a new topic may stay unknown to a broker.
const topicPatience = 30 * time.Second

// Named is a topic, of whatever types: a topology.Topic, or a Topic.
type Named interface{ Name() string }

// Topic is a topic by its name alone, such as an internal one.
type Topic string

// Name is the topic's name in Kafka.
func (t Topic) Name() string { return string(t) }

// context bounds what Kafka is asked for.
func (k *Kafka) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(k.t.Context(), k.patience)
}

// close removes what the test made. Its context has ended by now.
func (k *Kafka) close() {
	defer k.client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), k.patience)
	defer cancel()
	if err := k.remove(ctx); err != nil {
		k.t.Logf("kafkatest: what the test made is not all removed: %v", err)
	}
}

func (k *Kafka) remove(ctx context.Context) error {
	topics := k.topics
	if len(k.applications) > 0 {
		all, err := k.admin.ListTopics(ctx)
		if err != nil {
			return err
		}
		for _, name := range all.Names() {
			for id := range k.applications {
				if rest, ours := strings.CutPrefix(name, id+"-"); ours &&
					(strings.HasSuffix(rest, "-changelog") || strings.HasSuffix(rest, "-repartition")) {
					topics = append(topics, name)
				}
			}
		}
	}
	for id := range k.applications {
		// One that never had a member is not there; one that still has stays.
		if _, err := k.admin.DeleteGroup(ctx, id); err != nil && !errors.Is(err, kerr.GroupIDNotFound) && !errors.Is(err, kerr.NonEmptyGroup) {
			return fmt.Errorf("delete group %q: %w", id, err)
		}
	}
	if len(topics) == 0 {
		return nil
	}
	deleted, err := k.admin.DeleteTopics(ctx, topics...)
	if err != nil {
		return err
	}
	for _, d := range deleted.Sorted() {
		if d.Err != nil && !errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("delete topic %q: %w", d.Topic, d.Err)
		}
	}
	return nil
}
