package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/integration/soak/account"
)

// kafka is the soak's own way to the brokers, which no fault of the network is in.
type kafka struct {
	brokers []string
	client  *kgo.Client
	admin   *kadm.Client
}

func openKafka(brokers []string) (*kafka, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(100000),
		kgo.MetadataMinAge(250*time.Millisecond))
	if err != nil {
		return nil, err
	}
	return &kafka{brokers: brokers, client: client, admin: kadm.NewClient(client)}, nil
}

// createTopics makes the topics of the application that are not internal.
func (k *kafka) createTopics(ctx context.Context, partitions int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, topic := range append(account.Topics(), account.Input) {
		_, err := k.admin.CreateTopic(ctx, int32(partitions), -1, nil, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %q: %w", topic, err)
		}
	}
	return nil
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

// read gives all records between from and the ends to f, as a read_committed consumer, each
// partition's in order; where from has no offset it is the beginning.
func (k *kafka) read(ctx context.Context, topics []string, from map[place]int64, f func(*kgo.Record)) error {
	ends, err := k.admin.ListEndOffsets(ctx, topics...)
	if err = firstOf(err, ends.Error()); err != nil {
		return fmt.Errorf("list the ends of %v: %w", topics, err)
	}
	starts, err := k.admin.ListStartOffsets(ctx, topics...)
	if err = firstOf(err, starts.Error()); err != nil {
		return fmt.Errorf("list the beginnings of %v: %w", topics, err)
	}
	consume, until := map[string]map[int32]kgo.Offset{}, map[place]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		p := place{o.Topic, o.Partition}
		start, _ := starts.Lookup(o.Topic, o.Partition)
		begin := max(start.Offset, from[p])
		if begin >= o.Offset {
			return
		}
		until[p] = o.Offset
		if consume[o.Topic] == nil {
			consume[o.Topic] = map[int32]kgo.Offset{}
		}
		consume[o.Topic][o.Partition] = kgo.NewOffset().At(begin)
	})
	if len(until) == 0 {
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.ConsumePartitions(consume), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer client.Close()
	for len(until) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("read %v: %d partitions are not read to their ends, so an open transaction is before them: %w",
				topics, len(until), context.Cause(ctx))
		}
		fetches.EachRecord(func(r *kgo.Record) {
			p := place{r.Topic, r.Partition}
			end, ok := until[p]
			if !ok {
				return
			}
			if r.Offset < end && !r.Attrs.IsControl() {
				f(r)
			}
			if r.Offset+1 >= end {
				delete(until, p)
			}
		})
	}
	return nil
}

// lags is by partition of the application's inputs: what is committed, and where the partition ends.
func (k *kafka) lags(ctx context.Context) (map[place]lag, error) {
	committed, err := k.admin.FetchOffsets(ctx, applicationID)
	if err := firstOf(err, committed.Error()); err != nil {
		return nil, err
	}
	topics := inputs()
	ends, err := k.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	lags := map[place]lag{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			return // it is not made yet, or has no leader for now
		}
		at := int64(0)
		if c, ok := committed.Lookup(o.Topic, o.Partition); ok {
			at = c.At
		}
		lags[place{o.Topic, o.Partition}] = lag{at, o.Offset}
	})
	return lags, nil
}

type lag struct{ committed, end int64 }

// inputs are the topics that the application reads.
func inputs() []string {
	return []string{
		account.Input, applicationID + "-" + account.ChainStore + "-repartition", applicationID + "-" + account.TallyStore + "-repartition",
	}
}

func changelogOf(store string) string { return applicationID + "-" + store + "-changelog" }
