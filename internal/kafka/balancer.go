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
type Balancer struct {
	tasks []TaskTopics
	home  func(topic string) int
}

// NewBalancer makes a Balancer; all members of a group must have the same tasks.
func NewBalancer(tasks []TaskTopics) *Balancer { return &Balancer{tasks: tasks} }

// Matching makes the Balancer deal out the topics as well that only other members found, which have
// started later: home is the index of the task's topics to which such a topic belongs; -1: to none.
func (b *Balancer) Matching(home func(topic string) int) *Balancer {
	b.home = home
	return b
}

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

// Balance deals the tasks out. A task that somebody else still has a part of is not taken on, not
// even the rest of it: two members would work on one state. Its old owner gives it up first, which
// begins the next rebalance.
func (b *Balancer) Balance(cb *kgo.ConsumerBalancer, partitions map[string]int32) kgo.IntoSyncAssignment {
	var owners []*owner
	c := claims{newest: map[claimedPartition]claim{}, all: map[claimedPartition][]*owner{}}
	topics := slices.Clone(b.tasks)
	cb.EachMember(func(member *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		o := &owner{member: member}
		owners = append(owners, o)
		c.add(o, meta)
		b.takeIn(topics, meta.Topics)
	})
	tasks := tasksOf(topics, partitions)
	deal(tasks, owners, c.owner)

	plan := cb.NewPlan()
	for _, t := range tasks {
		free := c.free(t)
		for _, topic := range t.topics {
			if t.partition < partitions[topic] && (free || c.newest[claimedPartition{topic, t.partition}].by == t.owner) {
				plan.AddPartition(t.owner.member, topic, t.partition)
			}
		}
	}
	return plan
}

// takeIn puts a member's topics that are not among them to their tasks'.
func (b *Balancer) takeIn(all []TaskTopics, of []string) {
	if b.home == nil {
		return
	}
	for _, topic := range of {
		if slices.ContainsFunc(all, func(t TaskTopics) bool { return slices.Contains(t, topic) }) {
			continue
		}
		if at := b.home(topic); at >= 0 {
			all[at] = append(slices.Clip(all[at]), topic)
		}
	}
}

// tasksOf are the tasks that so many partitions make.
func tasksOf(all []TaskTopics, partitions map[string]int32) []*task {
	var tasks []*task
	for _, topics := range all {
		count := int32(0)
		for _, topic := range topics {
			count = max(count, partitions[topic])
		}
		for p := range count {
			tasks = append(tasks, &task{topics: topics, partition: p})
		}
	}
	return tasks
}

// claims are what the members say that they have.
type claims struct {
	newest map[claimedPartition]claim    // of two that claim a partition, the later generation
	all    map[claimedPartition][]*owner // those of older generations may still work on it
}

type claimedPartition struct {
	topic string
	id    int32
}

type claim struct {
	by         *owner
	generation int32
}

func (c *claims) add(by *owner, meta *kmsg.ConsumerMemberMetadata) {
	for _, t := range meta.OwnedPartitions {
		for _, id := range t.Partitions {
			p := claimedPartition{t.Topic, id}
			if newest, ok := c.newest[p]; !ok || meta.Generation > newest.generation {
				c.newest[p] = claim{by, meta.Generation}
			}
			c.all[p] = append(c.all[p], by)
		}
	}
}

// owner is who has the task; nil: nobody.
func (c *claims) owner(t *task) *owner {
	for _, topic := range t.topics {
		if o := c.newest[claimedPartition{topic, t.partition}].by; o != nil {
			return o
		}
	}
	return nil
}

// free says that nobody but the task's new owner claims a part of it.
func (c *claims) free(t *task) bool {
	for _, topic := range t.topics {
		for _, by := range c.all[claimedPartition{topic, t.partition}] {
			if by != t.owner {
				return false
			}
		}
	}
	return true
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
