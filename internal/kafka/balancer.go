package kafka

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TaskTopics are the topics whose partitions of one number make one task: a subtopology's sources.
type TaskTopics []string

// Balancer assigns tasks: all partitions of a task to one member, each member about as many tasks
// as the others, and a task to the member that has it as long as that is even. It is cooperative
// (KIP-429): a task moves only after its old owner has let it go.
type Balancer struct{ tasks []TaskTopics }

// NewBalancer makes a Balancer; all members of a group must have the same tasks.
func NewBalancer(tasks []TaskTopics) *Balancer { return &Balancer{tasks} }

// ProtocolName is what the members of the group agree on.
func (*Balancer) ProtocolName() string { return "pitwheel" }

// IsCooperative says that partitions are given up one by one.
func (*Balancer) IsCooperative() bool { return true }

// JoinGroupMetadata is deterministic, so that a restart does not rebalance the others.
func (*Balancer) JoinGroupMetadata(topics []string, owned map[string][]int32, generation int32) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version, m.Topics, m.Generation = 3, topics, generation
	for _, topic := range slices.Sorted(maps.Keys(owned)) {
		o := kmsg.NewConsumerMemberMetadataOwnedPartition()
		o.Topic, o.Partitions = topic, owned[topic]
		m.OwnedPartitions = append(m.OwnedPartitions, o)
	}
	return m.AppendTo(nil)
}

// ParseSyncAssignment reads what IntoSyncAssignment wrote.
func (*Balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	return kgo.ParseConsumerSyncAssignment(assignment)
}

// MemberBalancer is called on the group's leader.
func (b *Balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	cb, err := kgo.NewConsumerBalancer(b, members)
	if err != nil {
		return nil, nil, fmt.Errorf("balance group: %w", err)
	}
	topics := cb.MemberTopics()
	return cb, topics, nil
}

// owner is a member while tasks are dealt out.
type owner struct {
	member *kmsg.JoinGroupResponseMember
	tasks  int
}

// task is a subtopology's partition to be dealt out.
type task struct {
	topics    TaskTopics
	partition int32
	owner     *owner
}

// Balance deals the tasks out.
func (b *Balancer) Balance(cb *kgo.ConsumerBalancer, partitions map[string]int32) kgo.IntoSyncAssignment {
	type key struct {
		topic     string
		partition int32
	}
	var owners []*owner
	had := map[key]*owner{}
	newest := map[key]int32{}
	cb.EachMember(func(member *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		o := &owner{member: member}
		owners = append(owners, o)
		for _, t := range meta.OwnedPartitions {
			for _, p := range t.Partitions {
				// Of two that claim a partition the one of the later generation has it.
				if at, claimed := newest[key{t.Topic, p}]; !claimed || meta.Generation > at {
					had[key{t.Topic, p}], newest[key{t.Topic, p}] = o, meta.Generation
				}
			}
		}
	})

	var tasks []*task
	for _, topics := range b.tasks {
		count := int32(0)
		for _, topic := range topics {
			count = max(count, partitions[topic])
		}
		for p := range count {
			tasks = append(tasks, &task{topics: topics, partition: p})
		}
	}
	deal(tasks, owners, func(t *task) *owner {
		for _, topic := range t.topics {
			if o := had[key{topic, t.partition}]; o != nil {
				return o
			}
		}
		return nil
	})

	plan := cb.NewPlan()
	for _, t := range tasks {
		for _, topic := range t.topics {
			if t.partition < partitions[topic] {
				plan.AddPartition(t.owner.member, topic, t.partition)
			}
		}
	}
	plan.AdjustCooperative(cb)
	return plan
}

// deal gives each task an owner: first those that may stay, up to an even share each, then the
// rest to whoever has least. Members are in the group's fixed order.
func deal(tasks []*task, owners []*owner, had func(*task) *owner) {
	share, extra := len(tasks)/len(owners), len(tasks)%len(owners)
	for _, t := range tasks {
		o := had(t)
		if o == nil || o.tasks > share || o.tasks == share && extra == 0 {
			continue
		}
		if o.tasks == share {
			extra--
		}
		o.tasks++
		t.owner = o
	}
	for _, t := range tasks {
		if t.owner == nil {
			t.owner = slices.MinFunc(owners, func(a, b *owner) int { return cmp.Compare(a.tasks, b.tasks) })
			t.owner.tasks++
		}
	}
}
