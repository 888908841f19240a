package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// Reader reads committed records of given partitions, outside of any group: what a restore and
// standbys do.
type Reader struct {
	client *kgo.Client
	access *Access
}

// readerBytes bounds what a reader fetches of one broker at a time.
const readerBytes = 16 << 20

// NewReader makes a reader of the partitions, of which there is at least one, from those offsets on;
// Close it.
func NewReader(c Config, from map[record.Partition]int64) (*Reader, error) {
	c = c.Shared()
	client, err := kgo.NewClient(c.options(
		kgo.ConsumePartitions(offsets(from)),
		kgo.FetchMaxBytes(readerBytes),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// Without markers a tail of markers or of aborted records would look unread for ever.
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(100*time.Millisecond),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka reader: %w", err)
	}
	return &Reader{client: client, access: c.Access}, nil
}

func offsets(from map[record.Partition]int64) map[string]map[int32]kgo.Offset {
	at := map[string]map[int32]kgo.Offset{}
	for p, offset := range from {
		if at[p.Topic] == nil {
			at[p.Topic] = map[int32]kgo.Offset{}
		}
		at[p.Topic][p.ID] = kgo.NewOffset().At(offset)
	}
	return at
}

// Add reads more partitions, from those offsets on.
func (r *Reader) Add(from map[record.Partition]int64) { r.client.AddConsumePartitions(offsets(from)) }

// Remove reads those partitions no more. Like Add, it must be called between polls.
func (r *Reader) Remove(of []record.Partition) { r.client.RemoveConsumePartitions(byTopic(of)) }

// Close ends the client.
func (r *Reader) Close() { r.client.Close() }

// Poll is as a Consumer's.
func (r *Reader) Poll(ctx context.Context, each func(Fetched)) error {
	return poll(ctx, r.client, r.access, each)
}

// Silent asks the partition's leader whether it has no committed record from one offset to another,
// all of whose transactions are decided. That a poll brought nothing says nothing of the kind: the
// broker may be slow, or gone.
func (r *Reader) Silent(ctx context.Context, of record.Partition, from, to int64) (bool, error) {
	for from < to {
		leader, _, err := r.client.PartitionLeader(of.Topic, of.ID)
		if err != nil || leader < 0 {
			return false, err
		}
		req, err := r.look(ctx, of, from)
		if err != nil {
			return false, err
		}
		resp, err := req.RequestWith(ctx, r.client.Broker(int(leader)))
		if err != nil {
			return false, err
		}
		if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 || resp.ThrottleMillis > 0 {
			return false, kerr.ErrorForCode(resp.ErrorCode)
		}
		got := &resp.Topics[0].Partitions[0]
		fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
			Offset: from, IsolationLevel: kgo.ReadCommitted(), Topic: of.Topic, Partition: of.ID,
		}, got, kgo.DefaultDecompressor(), nil)
		if fetched.Err != nil || len(fetched.Records) > 0 || fetched.LastStableOffset < to {
			return false, fetched.Err
		}
		if len(got.RecordBatches) == 0 {
			return true, nil // there is not even a marker up to the stable end
		}
		if next <= from {
			return false, nil
		}
		from = next
	}
	return true, nil
}

// look is a request for what a partition has from the offset on, at once.
func (r *Reader) look(ctx context.Context, of record.Partition, from int64) (*kmsg.FetchRequest, error) {
	meta, err := r.client.RequestCachedMetadata(ctx, metadataOf(of.Topic), time.Minute)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.IsolationLevel = 1<<20, 1 // read committed
	req.SessionEpoch = -1                       // no session
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = of.ID, from, 1<<20
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.Partitions = of.Topic, append(topic.Partitions, partition)
	for _, t := range meta.Topics {
		topic.TopicID = t.TopicID
	}
	req.Topics = append(req.Topics, topic)
	return req, nil
}

func metadataOf(topic string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	req.Topics = append(req.Topics, t)
	return req
}

func outOfRange(err error) bool { return errors.Is(err, kerr.OffsetOutOfRange) }
