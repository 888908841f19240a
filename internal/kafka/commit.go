package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Member is who consumes: what the group coordinator checks a commit by.
type Member struct {
	ID         string
	Generation int32
	InstanceID string // empty: not static
}

// Joined is false before the first and between two memberships. A commit without one is not
// fenced at all, so it must not be made.
func (m Member) Joined() bool { return m.ID != "" && m.Generation >= 0 }

const rebalanceMoment = 10 * time.Second

// commitOffsets commits without a transaction. Trying again is safe: the same offsets are written.
func (p *Producer) commitOffsets(ctx context.Context, member Member, offsets []Offset) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = p.of.Group, member.ID, member.Generation
	if member.InstanceID != "" {
		req.InstanceID = &member.InstanceID
	}
	names := map[[16]byte]string{} // newer brokers answer with ids alone
	for _, o := range offsets {
		names[o.TopicID] = o.Partition.Topic
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset, partition.Metadata = o.Partition.ID, o.At, &o.Metadata
		topic := kmsg.NewOffsetCommitRequestTopic()
		topic.Topic, topic.TopicID = o.Partition.Topic, o.TopicID
		topic.Partitions = append(topic.Partitions, partition)
		req.Topics = append(req.Topics, topic)
	}
	// A rebalance that is being completed refuses offsets for a moment. It does not wait for us.
	ctx, cancel := context.WithTimeout(ctx, rebalanceMoment)
	defer cancel()
	var gone error // its topic is: whether for good is for the caller to find out
	err := retry(ctx, p.config.Access, fmt.Sprintf("commit offsets of group %q", p.of.Group), func(ctx context.Context) error {
		gone = nil
		resp, err := req.RequestWith(ctx, p.client)
		if err != nil {
			return err
		}
		for _, t := range resp.Topics {
			for _, x := range t.Partitions {
				err := kerr.ErrorForCode(x.ErrorCode)
				if err == nil {
					continue
				}
				if t.Topic == "" {
					t.Topic = names[t.TopicID]
				}
				if errors.Is(err, kerr.FencedInstanceID) {
					return sameInstance(err)
				}
				err = p.config.Access.denied(err, ReadTopic(t.Topic), Right{"Read", "group", p.of.Group})
				err = fmt.Errorf("topic %q partition %d: %w", t.Topic, x.Partition, err)
				if !UnknownTopic(err) {
					return err
				}
				gone = fmt.Errorf("commit offsets of group %q: %w", p.of.Group, err)
			}
		}
		return nil
	})
	return cmp.Or(err, gone)
}
