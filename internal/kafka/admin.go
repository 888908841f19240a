package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// Admin asks brokers about topics and offsets, and makes topics. Every call is tried again until
// it succeeds, its ctx ends, or the answer is final.
type Admin struct {
	client *kgo.Client
	admin  *kadm.Client
	access *Access
}

// NewAdmin makes an Admin; Close it. Error: the options contradict each other.
func NewAdmin(c Config) (*Admin, error) {
	c = c.Shared()
	// Little: what goes on failing is tried again here, where it is seen and logged.
	client, err := kgo.NewClient(c.options(kgo.RequestRetries(3), kgo.RetryTimeout(5*time.Second))...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return &Admin{client: client, admin: kadm.NewClient(client), access: c.Access}, nil
}

// Close ends the client.
func (a *Admin) Close() { a.client.Close() }

// TopicInfo is what an app asks of a topic.
type TopicInfo struct {
	Partitions int32
	ID         [16]byte // zero where the broker has none

	Hidden bool // this app may do nothing with it, not even describe it

	allowed []kadm.ACLOperation // empty: the broker does not say
}

// AllTopics describes all topics but those that Kafka keeps for itself.
func (a *Admin) AllTopics(ctx context.Context) (map[string]TopicInfo, error) {
	found := map[string]TopicInfo{}
	err := retry(ctx, a.access, "list topics", func(ctx context.Context) error {
		clear(found)
		topics, err := a.admin.ListTopics(ctx)
		if err != nil {
			return err
		}
		for _, t := range topics {
			if t.Err == nil {
				found[t.Topic] = TopicInfo{Partitions: int32(len(t.Partitions)), ID: t.ID}
			}
		}
		return nil
	})
	return found, err
}

// Topics describes the topics that exist among names.
func (a *Admin) Topics(ctx context.Context, names []string) (map[string]TopicInfo, error) {
	found := map[string]TopicInfo{}
	if len(names) == 0 {
		return found, nil
	}
	err := retry(ctx, a.access, "describe topics", func(ctx context.Context) error {
		clear(found)
		resp, err := describeRequest(names).RequestWith(ctx, a.client)
		if err != nil {
			return err
		}
		for i := range resp.Topics {
			t := &resp.Topics[i]
			switch err := kerr.ErrorForCode(t.ErrorCode); {
			case t.Topic == nil || errors.Is(err, kerr.UnknownTopicOrPartition):
			case errors.Is(err, kerr.TopicAuthorizationFailed):
				found[*t.Topic] = TopicInfo{Hidden: true}
			case err != nil:
				return fmt.Errorf("topic %q: %w", *t.Topic, err)
			default:
				found[*t.Topic] = TopicInfo{Partitions: int32(len(t.Partitions)), ID: t.TopicID, allowed: kadm.DecodeACLOperations(t.AuthorizedOperations)}
			}
		}
		return nil
	})
	return found, err
}

// describeRequest asks for topics and what this app may do with them (KIP-430). It is put together
// here because kadm fails with the first topic that may not be described, without its name.
func describeRequest(names []string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.IncludeTopicAuthorizedOperations = true
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &name
		req.Topics = append(req.Topics, t)
	}
	return req
}

var errNotYet = errors.New("not there yet")

// Await tries again until f says that it is there.
func (a *Admin) Await(ctx context.Context, what string, f func(ctx context.Context) (bool, error)) error {
	return retry(ctx, a.access, "wait for "+what, func(ctx context.Context) error {
		there, err := f(ctx)
		if err == nil && !there {
			err = errNotYet
		}
		return err
	})
}

// NewTopic is a topic to make.
type NewTopic struct {
	Name        string
	Partitions  int32
	Replication int16 // -1: the broker's default
	Config      map[string]string
}

// Create makes the topic; one that exists is left as it is.
func (a *Admin) Create(ctx context.Context, t NewTopic) error {
	config := make(map[string]*string, len(t.Config))
	for k, v := range t.Config {
		config[k] = &v
	}
	return retry(ctx, a.access, fmt.Sprintf("create topic %q", t.Name), func(ctx context.Context) error {
		_, err := a.admin.CreateTopic(ctx, t.Partitions, t.Replication, config, t.Name)
		switch {
		case errors.Is(err, kerr.TopicAlreadyExists):
			return nil
		case errors.Is(err, kerr.InvalidReplicationFactor):
			return a.tooFewBrokers(ctx, t.Replication, err)
		}
		return a.access.denied(err, Right{"Create", "topic", t.Name}, Right{"Create", "cluster", ""})
	})
}

// tooFewBrokers says how many replicas there could be.
func (a *Admin) tooFewBrokers(ctx context.Context, replicas int16, err error) error {
	asked := fmt.Sprintf("%d replicas, as Config.Replication says", replicas)
	if replicas < 0 {
		asked = "as many replicas as the brokers' default.replication.factor says"
	}
	has := "fewer brokers"
	if m, metaErr := a.admin.BrokerMetadata(ctx); metaErr == nil {
		has = fmt.Sprintf("%d brokers", len(m.Brokers))
	}
	return fmt.Errorf("it is to have %s, and the cluster has %s: set Config.Replication to what it can have: %w", asked, has, err)
}

// TopicConfig is the topic's config as the broker has it.
func (a *Admin) TopicConfig(ctx context.Context, topic string) (map[string]string, error) {
	config := map[string]string{}
	err := retry(ctx, a.access, fmt.Sprintf("describe config of topic %q", topic), func(ctx context.Context) error {
		all, err := a.admin.DescribeTopicConfigs(ctx, topic)
		if err != nil {
			return a.access.denied(err, Right{"DescribeConfigs", "topic", topic})
		}
		for _, r := range all {
			if r.Err != nil {
				return a.access.denied(r.Err, Right{"DescribeConfigs", "topic", topic})
			}
			for _, c := range r.Configs {
				config[c.Key] = c.MaybeValue()
			}
		}
		return nil
	})
	return config, err
}

// Ends is the offset after the last record of each partition, committed or not: the high
// watermark. A restore must reach it, because a committed transaction whose marker is not yet
// written stands before it (KAFKA-10167).
func (a *Admin) Ends(ctx context.Context, of []record.Partition) (map[record.Partition]int64, error) {
	return a.offsets(ctx, "list end offsets", of, a.admin.ListEndOffsets)
}

// StableEnds is the offset up to which each partition's transactions are decided: the last stable
// offset.
func (a *Admin) StableEnds(ctx context.Context, of []record.Partition) (map[record.Partition]int64, error) {
	return a.offsets(ctx, "list stable offsets", of, a.admin.ListCommittedOffsets)
}

// Starts is the offset of the first record that each partition still has.
func (a *Admin) Starts(ctx context.Context, of []record.Partition) (map[record.Partition]int64, error) {
	return a.offsets(ctx, "list start offsets", of, a.admin.ListStartOffsets)
}

// DeleteRecords deletes what stands before the offsets. It is tried once: the next time will do.
func (a *Admin) DeleteRecords(ctx context.Context, before map[record.Partition]int64) error {
	offsets := kadm.Offsets{}
	for p, at := range before {
		offsets.AddOffset(p.Topic, p.ID, at, -1)
	}
	responses, err := a.admin.DeleteRecords(ctx, offsets)
	responses.Each(func(r kadm.DeleteRecordsResponse) {
		err = firstError(err, a.access.denied(r.Err, Right{"Delete", "topic", r.Topic}))
	})
	if err != nil {
		return fmt.Errorf("delete consumed records: %w", err)
	}
	return nil
}

func (a *Admin) offsets(
	ctx context.Context, what string, of []record.Partition,
	list func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error),
) (map[record.Partition]int64, error) {
	found := make(map[record.Partition]int64, len(of))
	if len(of) == 0 {
		return found, nil
	}
	topics := map[string]bool{}
	for _, p := range of {
		topics[p.Topic] = true
	}
	err := retry(ctx, a.access, what, func(ctx context.Context) error {
		all, err := list(ctx, slices.Sorted(maps.Keys(topics))...)
		if err != nil {
			return err
		}
		for _, p := range of {
			o, ok := all.Lookup(p.Topic, p.ID)
			if !ok {
				return fmt.Errorf("topic %q partition %d: %w", p.Topic, p.ID, kerr.UnknownTopicOrPartition)
			}
			if o.Err != nil {
				return fmt.Errorf("topic %q partition %d: %w", p.Topic, p.ID, a.access.denied(o.Err, Right{"Describe", "topic", p.Topic}))
			}
			found[p] = o.Offset
		}
		return nil
	})
	return found, err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
