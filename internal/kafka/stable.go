package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/internal/planted"
	"github.com/pitwheel/pitwheel/record"
)

// CommittedOffset is what the group has committed for a partition.
type CommittedOffset struct {
	Offset   int64
	Metadata string
}

// Committed is the group's stable offsets of those partitions: pending transactions are waited
// for. A partition without an offset is left out.
func (a *Admin) Committed(ctx context.Context, group string, of []record.Partition) (found map[record.Partition]CommittedOffset, err error) {
	err = retry(ctx, a.access, fmt.Sprintf("fetch offsets of group %q", group), func(ctx context.Context) error {
		var pending []record.Partition
		found, pending, err = a.stableOffsets(ctx, group, of)
		if err == nil && len(pending) > 0 {
			err = fmt.Errorf("topic %q partition %d: %w", pending[0].Topic, pending[0].ID, kerr.UnstableOffsetCommit)
		}
		return err
	})
	return found, err
}

// Pending are those of the partitions whose offsets stand in a transaction that is not decided.
func (a *Admin) Pending(ctx context.Context, group string, of []record.Partition) (pending []record.Partition, err error) {
	err = retry(ctx, a.access, fmt.Sprintf("fetch offsets of group %q", group), func(ctx context.Context) error {
		_, pending, err = a.stableOffsets(ctx, group, of)
		return err
	})
	return pending, err
}

// stableOffsets asks for offsets once, partition by partition: asked for all that a group has, brokers
// leave out those that are pending and were never committed before.
func (a *Admin) stableOffsets(
	ctx context.Context, group string, of []record.Partition,
) (found map[record.Partition]CommittedOffset, pending []record.Partition, err error) {
	found = map[record.Partition]CommittedOffset{}
	if len(of) == 0 {
		return found, nil, nil
	}
	asked := kmsg.NewOffsetFetchRequestGroup()
	asked.Group = group
	for topic, partitions := range byTopic(of) {
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, t.Partitions = topic, partitions
		asked.Topics = append(asked.Topics, t)
	}
	if planted.OverlookPending {
		asked.Topics = nil
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable = true
	req.Groups = append(req.Groups, asked)
	resp, err := req.RequestWith(ctx, a.client)
	if err != nil {
		return nil, nil, a.access.denied(err, Right{"Read", "group", group})
	}
	for i := range resp.Groups {
		g := &resp.Groups[i]
		switch err := kerr.ErrorForCode(g.ErrorCode); {
		case errors.Is(err, kerr.GroupIDNotFound):
			return found, nil, nil
		case err != nil:
			return nil, nil, a.access.denied(err, Right{"Read", "group", group})
		}
		for _, t := range g.Topics {
			for _, o := range t.Partitions {
				p := record.Partition{Topic: t.Topic, ID: o.Partition}
				switch err := kerr.ErrorForCode(o.ErrorCode); {
				case errors.Is(err, kerr.UnstableOffsetCommit):
					pending = append(pending, p)
				case err != nil:
					return nil, nil, fmt.Errorf("topic %q partition %d: %w", p.Topic, p.ID, a.access.denied(err, Right{"Describe", "topic", p.Topic}))
				case o.Offset >= 0:
					found[p] = CommittedOffset{Offset: o.Offset}
					if o.Metadata != nil {
						found[p] = CommittedOffset{Offset: o.Offset, Metadata: *o.Metadata}
					}
				}
			}
		}
	}
	return found, pending, nil
}
