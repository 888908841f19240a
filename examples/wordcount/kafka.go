package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The application's id is its group's too, and stands before the names of its internal topics.
const (
	application = "wordcount"
	words       = application + "-words-repartition"
	partitions  = 3
)

// kafka is where lines come from and counts go to: what is usually somebody else's part.
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
	for _, topic := range []string{lines.Name(), counts.Name()} {
		_, err := k.admin.CreateTopic(ctx, partitions, -1, nil, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %q: %w", topic, err)
		}
	}
	return nil
}

// embed starts a Kafka in this process. State must not outlive it, so its directory is temporary.
func (k *kafka) embed() (err error) {
	if k.stateDir, err = os.MkdirTemp("", "pitwheel-wordcount-"); err != nil {
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

// send produces each line, under its number: a record without key is not a record of this stream.
func (k *kafka) send(ctx context.Context, text []string) error {
	var records []*kgo.Record
	for i, line := range text {
		records = append(records, &kgo.Record{
			Topic: lines.Name(), Key: strconv.AppendInt(nil, int64(i+1), 10), Value: []byte(line),
		})
	}
	if err := k.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("send lines: %w", err)
	}
	return nil
}

// counted waits until the app has committed all lines and then all words.
func (k *kafka) counted(ctx context.Context) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for _, topic := range []string{lines.Name(), words} {
		for !k.committed(ctx, topic) {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// committed says whether all of a topic is; false as long as the brokers do not know.
func (k *kafka) committed(ctx context.Context, topic string) bool {
	ends, err := k.admin.ListCommittedOffsets(ctx, topic)
	if err != nil || ends.Error() != nil {
		return false
	}
	at, err := k.admin.FetchOffsets(ctx, application)
	if err != nil {
		return false
	}
	done := true
	ends.Each(func(end kadm.ListedOffset) {
		o, _ := at.Lookup(topic, end.Partition)
		done = done && o.At >= end.Offset
	})
	return done
}

// printTop reads the counts as any consumer would, and prints the n highest.
func (k *kafka) printTop(ctx context.Context, out io.Writer, n int) error {
	found, err := k.read(ctx)
	if err != nil {
		return err
	}
	top := slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(cmp.Compare(found[b], found[a]), strings.Compare(a, b))
	})
	for _, word := range top[:min(n, len(top))] {
		if _, err := fmt.Fprintf(out, "%5d %s\n", found[word], word); err != nil {
			return err
		}
	}
	return nil
}

// read is the latest count of each word.
func (k *kafka) read(ctx context.Context) (map[string]int64, error) {
	ends, err := k.admin.ListCommittedOffsets(ctx, counts.Name())
	if err != nil {
		return nil, fmt.Errorf("list end of topic %q: %w", counts.Name(), err)
	}
	reader, err := kgo.NewClient(
		kgo.SeedBrokers(k.brokers...),
		kgo.ConsumeTopics(counts.Name()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the last thing in a partition is a transaction's marker
	)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	found, left := map[string]int64{}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			left[end.Partition] = end.Offset
		}
	})
	for len(left) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read counts: %w", err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
			if r.Attrs.IsControl() {
				return
			}
			n, badErr := counts.ValueSerde().Decode(r.Value)
			if err == nil {
				err = badErr
			}
			found[string(r.Key)] = n
		})
		if err != nil {
			return nil, fmt.Errorf("read counts: %w", err)
		}
	}
	return found, nil
}
