package kafka

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// TaskTopics are a subtopology's sources: their partitions of one number make one task.
type TaskTopics struct {
	Topics   []string
	Stateful bool // tasks have state in changelogs
}

// BalancerConfig is what a Balancer assigns by. All members of a group must have the same Tasks.
type BalancerConfig struct {
	Tasks    []TaskTopics
	Standbys int // copies of each task's state on other members
	// Home is the index of the Tasks to which a topic belongs that a member reads and that is not among
	// them: one that a pattern matches and that was found later; -1: to none. Nil: there are no such topics.
	Home func(topic string) int
	// Holdings is what this member holds of the tasks' state when it joins. Nil: it does not say.
	Holdings func() Holdings
	// Standby is given what the leader wants this member to keep warm, before its partitions are
	// revoked and assigned. Nil: not told.
	Standby func(all []Standby)
}

// Balancer assigns tasks: all partitions of a task to one member, each member about as many tasks
// as the others, and a task to the member that has it as long as that is even; one with state to a
// member that has its state. It is cooperative (KIP-429): a task moves only after its old owner has
// let it go.
type Balancer struct{ of BalancerConfig }

// NewBalancer makes a Balancer.
func NewBalancer(of BalancerConfig) *Balancer { return &Balancer{of: of} }

// ProtocolName is what the members of the group agree on.
func (*Balancer) ProtocolName() string { return "pitwheel" }

// IsCooperative says that partitions are given up one by one.
func (*Balancer) IsCooperative() bool { return true }

// JoinGroupMetadata is deterministic, so that a restart does not rebalance the others.
func (b *Balancer) JoinGroupMetadata(topics []string, owned map[string][]int32, generation int32) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version, m.Topics, m.Generation = 3, topics, generation
	for _, topic := range slices.Sorted(maps.Keys(owned)) {
		o := kmsg.NewConsumerMemberMetadataOwnedPartition()
		o.Topic, o.Partitions = topic, owned[topic]
		m.OwnedPartitions = append(m.OwnedPartitions, o)
	}
	if b.of.Holdings != nil {
		m.UserData = b.of.Holdings().Encode()
	}
	return m.AppendTo(nil)
}

// ParseSyncAssignment reads what IntoSyncAssignment wrote.
func (b *Balancer) ParseSyncAssignment(data []byte) (map[string][]int32, error) {
	partitions, err := kgo.ParseConsumerSyncAssignment(data)
	if err != nil || b.of.Standby == nil {
		return partitions, err
	}
	m := kmsg.NewConsumerMemberAssignment()
	if err := m.ReadFrom(data); err != nil {
		return nil, err
	}
	b.of.Standby(decodeStandbys(m.UserData))
	return partitions, nil
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

// Balance deals the tasks out. A task that somebody else still has a part of is not taken on, not
// even the rest of it: two members would work on one state. Its old owner gives it up first, which
// begins the next rebalance; meanwhile its new owner keeps a copy. Of a task's topics a member gets those
// that it reads: one that it has not found yet waits until it has, and nobody else gets it.
func (b *Balancer) Balance(cb *kgo.ConsumerBalancer, partitions map[string]int32) kgo.IntoSyncAssignment {
	c := claims{newest: map[claimedPartition]claim{}, all: map[claimedPartition][]*candidate{}}
	topics := slices.Clone(b.of.Tasks)
	p := placement{copies: b.of.Standbys}
	plan := assignments{}
	cb.EachMember(func(member *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		m := &candidate{id: member.MemberID, reads: map[string]bool{}, holdings: DecodeHoldings(meta.UserData)}
		for _, topic := range meta.Topics {
			m.reads[topic] = true
		}
		if meta.Rack != nil {
			m.rack = *meta.Rack
		}
		p.candidates = append(p.candidates, m)
		plan[m.id] = &assignment{partitions: map[string][]int32{}}
		c.add(m, meta)
		b.takeIn(topics, meta.Topics)
	})
	p.tasks = tasksOf(topics, partitions)
	for _, t := range p.tasks {
		t.had = c.owner(t)
	}
	p.place()
	for _, t := range p.tasks {
		free := c.free(t)
		for _, topic := range t.topics {
			if t.id.Partition < partitions[topic] && t.active.reads[topic] && (free || c.newest[claimedPartition{topic, t.id.Partition}].by == t.active) {
				of := plan[t.active.id].partitions
				of[topic] = append(of[topic], t.id.Partition)
			}
		}
		if t.stateful && !free && t.active != t.had {
			t.standbys = append(t.standbys, t.active)
		}
		for _, m := range t.standbys {
			plan[m.id].standbys = append(plan[m.id].standbys, Standby{Task: t.id, Next: m == t.next})
		}
	}
	return plan
}

// takeIn puts a member's topics that are not among them to their tasks'.
func (b *Balancer) takeIn(all []TaskTopics, of []string) {
	if b.of.Home == nil {
		return
	}
	for _, topic := range of {
		if slices.ContainsFunc(all, func(t TaskTopics) bool { return slices.Contains(t.Topics, topic) }) {
			continue
		}
		if at := b.of.Home(topic); at >= 0 {
			all[at].Topics = append(slices.Clip(all[at].Topics), topic)
		}
	}
}

// tasksOf are the tasks that so many partitions make.
func tasksOf(all []TaskTopics, partitions map[string]int32) []*task {
	var tasks []*task
	for i, of := range all {
		count := int32(0)
		for _, topic := range of.Topics {
			count = max(count, partitions[topic])
		}
		for p := range count {
			tasks = append(tasks, &task{
				id: record.TaskID{Subtopology: int32(i), Partition: p}, topics: of.Topics, stateful: of.Stateful,
			})
		}
	}
	return tasks
}

// claims are what the members say that they have.
type claims struct {
	newest map[claimedPartition]claim        // of two that claim a partition, the later generation
	all    map[claimedPartition][]*candidate // those of older generations may still work on it
}

type claimedPartition struct {
	topic string
	id    int32
}

type claim struct {
	by         *candidate
	generation int32
}

func (c *claims) add(by *candidate, meta *kmsg.ConsumerMemberMetadata) {
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
func (c *claims) owner(t *task) *candidate {
	for _, topic := range t.topics {
		if o := c.newest[claimedPartition{topic, t.id.Partition}].by; o != nil {
			return o
		}
	}
	return nil
}

// free says that nobody but the task's new owner claims a part of it.
func (c *claims) free(t *task) bool {
	for _, topic := range t.topics {
		for _, by := range c.all[claimedPartition{topic, t.id.Partition}] {
			if by != t.active {
				return false
			}
		}
	}
	return true
}
