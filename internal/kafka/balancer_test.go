package kafka

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// owned are a member's partitions, by topic.
type owned = map[string][]int32

// stateless are tasks of those topics, without state.
func stateless(topics ...[]string) []TaskTopics {
	all := make([]TaskTopics, len(topics))
	for i := range topics {
		all[i].Topics = topics[i]
	}
	return all
}

// statement is what a member says when it joins.
type statement struct {
	member     string
	generation int32
	owned      owned
}

// balance is one rebalance: what the leader assigns, given the claims.
func balance(t interface {
	Helper()
	Fatal(...any)
}, tasks []TaskTopics, partitions map[string]int32, claims ...statement,
) map[string]owned {
	t.Helper()
	b := NewBalancer(BalancerConfig{Tasks: tasks})
	topics := slices.Sorted(maps.Keys(partitions))
	var members []kmsg.JoinGroupResponseMember
	for _, c := range claims {
		member := kmsg.NewJoinGroupResponseMember()
		member.MemberID = c.member
		member.ProtocolMetadata = b.JoinGroupMetadata(topics, c.owned, c.generation)
		members = append(members, member)
	}
	balancer, _, err := b.MemberBalancer(members)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := balancer.(kgo.GroupMemberBalancerOrError).BalanceOrError(partitions)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]owned{}
	for _, a := range plan.IntoSyncAssignment() {
		got, err := b.ParseSyncAssignment(a.MemberAssignment)
		if err != nil {
			t.Fatal(err)
		}
		for topic := range got {
			slices.Sort(got[topic])
		}
		all[a.MemberID] = got
	}
	return all
}

func TestTasksAreDealtOutEvenly(t *testing.T) {
	tests := []struct {
		name       string
		tasks      []TaskTopics
		partitions map[string]int32
		claims     []statement
		want       map[string]owned
	}{
		{
			"one member has all", stateless([]string{"a"}, []string{"b"}), map[string]int32{"a": 2, "b": 1},
			[]statement{{member: "m1"}},
			map[string]owned{"m1": {"a": {0, 1}, "b": {0}}},
		},
		{
			"two new members take turns", stateless([]string{"a"}), map[string]int32{"a": 5},
			[]statement{{member: "m1"}, {member: "m2"}},
			map[string]owned{"m1": {"a": {0, 2, 4}}, "m2": {"a": {1, 3}}},
		},
		{
			"each subtopology is spread", stateless([]string{"a"}, []string{"b"}), map[string]int32{"a": 2, "b": 2},
			[]statement{{member: "m1"}, {member: "m2"}},
			map[string]owned{"m1": {"a": {0}, "b": {0}}, "m2": {"a": {1}, "b": {1}}},
		},
		{
			"more members than tasks", stateless([]string{"a"}), map[string]int32{"a": 1},
			[]statement{{member: "m1"}, {member: "m2"}},
			map[string]owned{"m1": {"a": {0}}, "m2": {}},
		},
		{
			"topics of one task stay together, whatever their widths",
			stateless([]string{"wide", "narrow"}), map[string]int32{"wide": 3, "narrow": 1},
			[]statement{{member: "m1"}, {member: "m2"}},
			map[string]owned{"m1": {"wide": {0, 2}, "narrow": {0}}, "m2": {"wide": {1}}},
		},
		{
			"a topic that does not exist yet is no task", stateless([]string{"a"}, []string{"missing"}), map[string]int32{"a": 1},
			[]statement{{member: "m1"}},
			map[string]owned{"m1": {"a": {0}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := balance(t, tt.tasks, tt.partitions, tt.claims...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTasksStayWhereTheyAre(t *testing.T) {
	tasks, partitions := stateless([]string{"a"}), map[string]int32{"a": 4}
	claims := []statement{{"m1", 3, owned{"a": {0, 3}}}, {"m2", 3, owned{"a": {1, 2}}}}
	want := map[string]owned{"m1": {"a": {0, 3}}, "m2": {"a": {1, 2}}}
	if diff := cmp.Diff(want, balance(t, tasks, partitions, claims...)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// The tasks of one who left go to the others; what they had stays.
	claims = []statement{{"m1", 3, owned{"a": {0}}}, {"m2", 3, owned{"a": {1, 2}}}}
	want = map[string]owned{"m1": {"a": {0, 3}}, "m2": {"a": {1, 2}}}
	if diff := cmp.Diff(want, balance(t, tasks, partitions, claims...)); diff != "" {
		t.Errorf("after one left (-want +got):\n%s", diff)
	}
}

// KIP-429: in the first rebalance the old owner is asked to let go and the new one gets nothing; in
// the second, which the old owner's giving up begins, the task moves.
func TestTaskMovesInTwoSteps(t *testing.T) {
	tasks, partitions := stateless([]string{"a", "b"}), map[string]int32{"a": 2, "b": 2}
	old := statement{"m1", 3, owned{"a": {0, 1}, "b": {0, 1}}}
	first := balance(t, tasks, partitions, old, statement{member: "m2", generation: -1})
	want := map[string]owned{"m1": {"a": {0}, "b": {0}}, "m2": {}}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Fatalf("first rebalance (-want +got):\n%s", diff)
	}
	second := balance(t, tasks, partitions, statement{"m1", 4, first["m1"]}, statement{"m2", 4, first["m2"]})
	want = map[string]owned{"m1": {"a": {0}, "b": {0}}, "m2": {"a": {1}, "b": {1}}}
	if diff := cmp.Diff(want, second); diff != "" {
		t.Errorf("second rebalance (-want +got):\n%s", diff)
	}
}

// A task is one state. Where only one of its topics has an owner, as after a topic was added to the
// topology, the rest of it must not be given to another member before that owner has let go: two
// members would work on one task.
func TestTaskIsNeverSplit(t *testing.T) {
	tasks, partitions := stateless([]string{"a", "added"}), map[string]int32{"a": 2, "added": 2}
	first := balance(t, tasks, partitions, statement{"m1", 3, owned{"a": {0, 1}}}, statement{member: "m2", generation: -1})
	want := map[string]owned{"m1": {"a": {0}, "added": {0}}, "m2": {}}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Fatalf("first rebalance (-want +got):\n%s", diff)
	}
	second := balance(t, tasks, partitions, statement{"m1", 4, first["m1"]}, statement{"m2", 4, first["m2"]})
	want = map[string]owned{"m1": {"a": {0}, "added": {0}}, "m2": {"a": {1}, "added": {1}}}
	if diff := cmp.Diff(want, second); diff != "" {
		t.Errorf("second rebalance (-want +got):\n%s", diff)
	}
}

// A member that slept through rebalances still claims what it had.
func TestLaterGenerationWinsAClaim(t *testing.T) {
	tasks, partitions := stateless([]string{"a"}), map[string]int32{"a": 2}
	stale, now := statement{"m1", 3, owned{"a": {0, 1}}}, statement{"m2", 7, owned{"a": {0, 1}}}
	for _, claims := range [][]statement{{stale, now}, {now, stale}} {
		first := balance(t, tasks, partitions, claims...)
		// m2 has both and is asked to give one up; nothing goes to m1 meanwhile.
		want := map[string]owned{"m1": {}, "m2": {"a": {0}}}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// What a member says is the same each time: a broker compares it to see whether anything changed.
func TestJoinMetadataIsDeterministic(t *testing.T) {
	b := NewBalancer(BalancerConfig{})
	o := owned{"d": {1}, "a": {0}, "c": {2}, "b": {3}}
	first := b.JoinGroupMetadata([]string{"a", "b"}, o, 5)
	for range 50 {
		if again := b.JoinGroupMetadata([]string{"a", "b"}, o, 5); !bytes.Equal(first, again) {
			t.Fatalf("%x and %x", first, again)
		}
	}
	if !b.IsCooperative() || b.ProtocolName() != "pitwheel" {
		t.Errorf("protocol %q, cooperative %v", b.ProtocolName(), b.IsCooperative())
	}
}

// A topic that only one member has found is dealt out with the tasks that it has: those of others get it
// once they have found it too. One that belongs nowhere is not dealt out.
func TestTopicsThatOthersFoundAreDealtOut(t *testing.T) {
	b := NewBalancer(BalancerConfig{Tasks: stateless([]string{"logs-a"}, []string{"r"}), Home: func(topic string) int {
		if topic == "logs-b" {
			return 0
		}
		return -1
	}})
	var members []kmsg.JoinGroupResponseMember
	for id, topics := range map[string][]string{"m1": {"logs-a", "r"}, "m2": {"logs-a", "logs-b", "r", "strange"}} {
		member := kmsg.NewJoinGroupResponseMember()
		member.MemberID, member.ProtocolMetadata = id, b.JoinGroupMetadata(topics, nil, 1)
		members = append(members, member)
	}
	balancer, _, err := b.MemberBalancer(members)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := balancer.(kgo.GroupMemberBalancerOrError).BalanceOrError(map[string]int32{"logs-a": 2, "logs-b": 2, "r": 1, "strange": 1})
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]int{}
	for _, a := range plan.IntoSyncAssignment() {
		got, err := b.ParseSyncAssignment(a.MemberAssignment)
		if err != nil {
			t.Fatal(err)
		}
		if a.MemberID == "m1" && len(got["logs-b"]) > 0 || a.MemberID == "m2" && !slices.Equal(got["logs-a"], got["logs-b"]) {
			t.Errorf("member %s has parts of tasks: %v", a.MemberID, got)
		}
		for topic, partitions := range got {
			of[topic] += len(partitions)
		}
	}
	if diff := cmp.Diff(map[string]int{"logs-a": 2, "logs-b": 1, "r": 1}, of); diff != "" {
		t.Errorf("dealt out (-want +got):\n%s", diff)
	}
}

func TestUnreadableMemberIsAnError(t *testing.T) {
	member := kmsg.NewJoinGroupResponseMember()
	member.ProtocolMetadata = []byte{9}
	if _, _, err := NewBalancer(BalancerConfig{}).MemberBalancer([]kmsg.JoinGroupResponseMember{member}); err == nil {
		t.Error("a member whose metadata is cut short was let in")
	}
}

// group plays rebalances: members join and leave, and hold what they were last assigned.
type group struct {
	tasks      []TaskTopics
	partitions map[string]int32
	members    map[string]owned
	generation int32
}

// rebalance assigns once. It reports whether somebody had to give something up, which makes it
// rejoin.
func (g *group) rebalance(t *rapid.T) (again bool) {
	var claims []statement
	for _, name := range slices.Sorted(maps.Keys(g.members)) {
		claims = append(claims, statement{name, g.generation, g.members[name]})
	}
	g.generation++
	after := map[string]owned{}
	for name, next := range balance(t, g.tasks, g.partitions, claims...) {
		for topic, ids := range g.members[name] {
			for _, id := range ids {
				again = again || !slices.Contains(next[topic], id)
			}
		}
		// Giving up comes before anything is taken, but not at the same time on all members: so
		// whoever is assigned a partition now must not meet an owner of the last generation.
		for other, had := range g.members {
			if other == name {
				continue
			}
			for topic, ids := range next {
				for _, id := range ids {
					if of := g.taskOwner(had, topic, id); of != "" {
						t.Fatalf("%q is assigned %s/%d while %q still has %s of that task", name, topic, id, other, of)
					}
				}
			}
		}
		after[name] = next
	}
	maps.Copy(g.members, after)
	return again
}

// taskOwner is a partition in had of the task that the topic's partition is of; empty: none.
func (g *group) taskOwner(had owned, topic string, id int32) string {
	for _, of := range g.tasks {
		if !slices.Contains(of.Topics, topic) {
			continue
		}
		for _, other := range of.Topics {
			if slices.Contains(had[other], id) {
				return fmt.Sprint(other, "/", id)
			}
		}
	}
	return ""
}

func (g *group) count() int {
	n := 0
	for _, of := range g.tasks {
		widest := int32(0)
		for _, topic := range of.Topics {
			widest = max(widest, g.partitions[topic])
		}
		n += int(widest)
	}
	return n
}

// tasksOf is how many tasks a member has.
func (g *group) tasksOf(o owned) int {
	n := 0
	for _, of := range g.tasks {
		ids := map[int32]bool{}
		for _, topic := range of.Topics {
			for _, id := range o[topic] {
				ids[id] = true
			}
		}
		n += len(ids)
	}
	return n
}

// Whatever comes and goes: nobody is ever given what another still has, the group comes to rest
// after a few rebalances, and then every partition has one owner, each task is whole and the
// members have as many tasks as one another, to one.
func TestGroupsComeToRestEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &group{partitions: map[string]int32{}, members: map[string]owned{}}
		for i := range rapid.IntRange(1, 3).Draw(t, "subtopologies") {
			var topics []string
			for j := range rapid.IntRange(1, 3).Draw(t, "topics") {
				topic := fmt.Sprintf("t%d-%d", i, j)
				topics = append(topics, topic)
				g.partitions[topic] = int32(rapid.IntRange(1, 7).Draw(t, "partitions"))
			}
			g.tasks = append(g.tasks, TaskTopics{Topics: topics})
		}
		next := 0
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			switch kind := rapid.SampledFrom([]string{"join", "join", "leave", "widen"}).Draw(t, "change"); {
			case kind == "widen":
				topic := rapid.SampledFrom(slices.Sorted(maps.Keys(g.partitions))).Draw(t, "topic")
				g.partitions[topic]++
			case kind == "leave" && len(g.members) > 1:
				delete(g.members, rapid.SampledFrom(slices.Sorted(maps.Keys(g.members))).Draw(t, "member"))
			default:
				g.members[fmt.Sprint("m", next)] = nil
				next++
			}
			if len(g.members) == 0 || rapid.Bool().Draw(t, "more at once") {
				continue
			}
			rounds := 0
			for g.rebalance(t) {
				if rounds++; rounds > 5 {
					t.Fatalf("no rest after %d rebalances: %v", rounds, g.members)
				}
			}
			g.rebalance(t) // what was given up in the last one is handed on
			g.check(t)
		}
	})
}

// check is what holds in a group at rest.
func (g *group) check(t *rapid.T) {
	owners := map[string]string{}
	least, most := g.count(), 0
	for name, o := range g.members {
		for topic, ids := range o {
			for _, id := range ids {
				partition := fmt.Sprint(topic, "/", id)
				if other := owners[partition]; other != "" {
					t.Fatalf("%s is with %q and %q", partition, other, name)
				}
				owners[partition] = name
			}
		}
		n := g.tasksOf(o)
		least, most = min(least, n), max(most, n)
	}
	if most-least > 1 {
		t.Fatalf("one member has %d tasks, another %d: %v", most, least, g.members)
	}
	for _, of := range g.tasks {
		for _, topic := range of.Topics {
			for id := range g.partitions[topic] {
				owner := owners[fmt.Sprint(topic, "/", id)]
				if owner == "" {
					t.Fatalf("nobody has %s/%d: %v", topic, id, g.members)
				}
				for _, other := range of.Topics {
					if id < g.partitions[other] && owners[fmt.Sprint(other, "/", id)] != owner {
						t.Fatalf("task of %s/%d is split: %v", topic, id, g.members)
					}
				}
			}
		}
	}
}
