package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/topology"
)

const application = "silence"

// kafka is where readings come from and alerts go to: what is usually somebody else's part.
type kafka struct {
	brokers  []string
	embedded *kfake.Cluster // nil: a real one
	stateDir string         // of the app; empty: where it is by default
	client   *kgo.Client
	admin    *kadm.Client
}

// openKafka connects to the brokers, or starts the embedded Kafka if there are none, and makes the
// topics that are missing.
func openKafka(ctx context.Context, brokers string) (*kafka, error) {
	k := &kafka{}
	if err := k.open(ctx, brokers); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

func (k *kafka) open(ctx context.Context, brokers string) (err error) {
	if brokers != "" {
		k.brokers = strings.Split(brokers, ",")
	} else if err := k.embed(); err != nil {
		return err
	}
	if k.client, err = kgo.NewClient(kgo.SeedBrokers(k.brokers...)); err != nil {
		return err
	}
	k.admin = kadm.NewClient(k.client)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := k.client.Ping(ctx); err != nil {
		return fmt.Errorf("no broker answers at %s: %w", brokers, err)
	}
	for _, topic := range []string{readings.Name(), alerts.Name(), incomplete.Name()} {
		// One partition: that a station is silent is seen by what the others in its task report.
		_, err := k.admin.CreateTopic(ctx, 1, -1, nil, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %q: %w", topic, err)
		}
	}
	return nil
}

// embed starts a Kafka in this process. State must not outlive it, so its directory is temporary.
func (k *kafka) embed() (err error) {
	if k.stateDir, err = os.MkdirTemp("", "pitwheel-silence-"); err != nil {
		return err
	}
	if k.embedded, err = kfake.NewCluster(kfake.NumBrokers(1)); err != nil {
		return fmt.Errorf("start the embedded Kafka: %w", err)
	}
	k.brokers = k.embedded.ListenAddrs()
	return nil
}

func (k *kafka) close() {
	if k.client != nil {
		k.client.Close()
	}
	if k.embedded != nil {
		k.embedded.Close()
	}
	if k.stateDir != "" {
		_ = os.RemoveAll(k.stateDir)
	}
}

// String says what Kafka this is, and that the embedded one forgets.
func (k *kafka) String() string {
	if k.embedded != nil {
		return "Kafka is IN MEMORY, inside this process (kfake): nothing outlives it"
	}
	return "Kafka at " + strings.Join(k.brokers, ", ")
}

// send produces the readings, with their own times.
func (k *kafka) send(ctx context.Context, all []record.Record[string, Reading]) error {
	records := make([]*kgo.Record, len(all))
	for i, r := range all {
		value, err := readings.ValueSerde().Append(nil, r.Value())
		if err != nil {
			return fmt.Errorf("encode a reading: %w", err)
		}
		records[i] = &kgo.Record{
			Topic: readings.Name(), Key: []byte(r.Key()), Value: value, Timestamp: r.Time().Time(),
		}
	}
	if err := k.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("send readings: %w", err)
	}
	return nil
}

// processed waits until the app has committed all readings.
func (k *kafka) processed(ctx context.Context) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !k.committed(ctx) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// committed says whether all readings are; false as long as the brokers do not know.
func (k *kafka) committed(ctx context.Context) bool {
	ends, err := k.admin.ListCommittedOffsets(ctx, readings.Name())
	if err != nil || ends.Error() != nil {
		return false
	}
	at, err := k.admin.FetchOffsets(ctx, application)
	if err != nil {
		return false
	}
	done := true
	ends.Each(func(end kadm.ListedOffset) {
		o, _ := at.Lookup(readings.Name(), end.Partition)
		done = done && o.At >= end.Offset
	})
	return done
}

// readAll is what stands in a topic of one partition, as any consumer would read it.
func readAll[V any](ctx context.Context, k *kafka, topic topology.Topic[string, V]) ([]record.Record[string, V], error) {
	ends, err := k.admin.ListCommittedOffsets(ctx, topic.Name())
	if err != nil {
		return nil, fmt.Errorf("list end of topic %q: %w", topic.Name(), err)
	}
	end, _ := ends.Lookup(topic.Name(), 0)
	reader, err := kgo.NewClient(
		kgo.SeedBrokers(k.brokers...),
		kgo.ConsumeTopics(topic.Name()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the last thing in a partition is a transaction's marker
	)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var all []record.Record[string, V]
	for next := int64(0); next < end.Offset; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read topic %q: %w", topic.Name(), err)
		}
		for r := range fetches.RecordsAll() {
			next = r.Offset + 1
			if r.Attrs.IsControl() {
				continue
			}
			value, err := topic.ValueSerde().Decode(r.Value)
			if err != nil {
				return nil, fmt.Errorf("read topic %q: %w", topic.Name(), err)
			}
			all = append(all, record.New(string(r.Key), value, record.TimeOf(r.Timestamp)))
		}
	}
	return all, nil
}
