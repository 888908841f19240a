package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// Silent asks the partition's leader whether it has no committed record from one offset to another,
// all of whose transactions are decided. That a poll brought nothing says nothing of the kind: the
// broker may be slow, or gone.
func (r *Reader) Silent(ctx context.Context, of record.Partition, from, to int64) (bool, error) {
	return silent(ctx, r.client, of, from, to)
}

// Silent is as a Reader's. It is tried once.
func (a *Admin) Silent(ctx context.Context, of record.Partition, from, to int64) (bool, error) {
	return silent(ctx, a.client, of, from, to)
}

// leaderAge is for how long it is believed which broker leads a partition.
const leaderAge = 5 * time.Second

func silent(ctx context.Context, client *kgo.Client, of record.Partition, from, to int64) (bool, error) {
	for from < to {
		req, leader, err := look(ctx, client, of, from, readCommitted)
		if err != nil {
			return false, err
		}
		resp, err := req.RequestWith(ctx, client.Broker(int(leader)))
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

// The isolation levels of a fetch.
const (
	readUncommitted int8 = iota
	readCommitted
)

// look is a request for what a partition has from the offset on, at once, and the broker to ask.
func look(ctx context.Context, client *kgo.Client, of record.Partition, from int64, isolation int8) (*kmsg.FetchRequest, int32, error) {
	meta, err := client.RequestCachedMetadata(ctx, metadataOf(of.Topic), leaderAge)
	if err != nil {
		return nil, 0, err
	}
	if len(meta.Topics) != 1 {
		return nil, 0, kerr.UnknownTopicOrPartition
	}
	about := &meta.Topics[0]
	leader, err := leaderOf(about, of.ID)
	if err != nil {
		return nil, 0, err
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.IsolationLevel = 1<<20, isolation
	req.SessionEpoch = -1 // no session
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = of.ID, from, 1<<20
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID, topic.Partitions = of.Topic, about.TopicID, append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	return req, leader, nil
}

func leaderOf(topic *kmsg.MetadataResponseTopic, id int32) (int32, error) {
	if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
		return 0, err
	}
	for i := range topic.Partitions {
		if p := &topic.Partitions[i]; p.Partition == id {
			return p.Leader, kerr.ErrorForCode(p.ErrorCode)
		}
	}
	return 0, kerr.UnknownTopicOrPartition
}

func metadataOf(topic string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	req.Topics = append(req.Topics, t)
	return req
}
