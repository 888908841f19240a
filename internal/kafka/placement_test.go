package kafka

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
)

// instance is a member of a simulated group, with what it holds.
type instance struct {
	rack     string
	owned    owned
	standbys []Standby
	missing  map[record.TaskID]int64 // of what it has some state of
}

// cluster is a simulated group of instances that read topic "in", or "state" with state.
type cluster struct {
	stateful, stateless int32
	copies              int
	changelog           int64 // records of each task's
	members             map[string]*instance
	generation          int32
}

func (c *cluster) balancer() *Balancer {
	return NewBalancer(BalancerConfig{Tasks: []TaskTopics{{[]string{"state"}, true}, {[]string{"in"}, false}}, Standbys: c.copies})
}

// holdings are what the instance would tell.
func (c *cluster) holdings(m *instance) Holdings {
	var h Holdings
	for p := range c.stateful {
		id := record.TaskID{Partition: p}
		missing, some := m.missing[id]
		if !some {
			missing = c.changelog
		}
		h.Set(id, Holding{LevelOf(missing), slices.ContainsFunc(m.standbys, func(s Standby) bool { return s.Task == id })})
	}
	return h
}

// plan is what the leader would assign.
func (c *cluster) plan(t interface {
	Helper()
	Fatal(...any)
}) map[string]*instance {
	t.Helper()
	var joined []kmsg.JoinGroupResponseMember
	for _, name := range slices.Sorted(maps.Keys(c.members)) {
		m := c.members[name]
		meta := kmsg.NewConsumerMemberMetadata()
		if err := meta.ReadFrom(c.balancer().JoinGroupMetadata([]string{"in", "state"}, m.owned, c.generation)); err != nil {
			t.Fatal(err)
		}
		meta.UserData = c.holdings(m).Encode()
		if m.rack != "" {
			meta.Rack = &m.rack
		}
		member := kmsg.NewJoinGroupResponseMember()
		member.MemberID, member.ProtocolMetadata = name, meta.AppendTo(nil)
		joined = append(joined, member)
	}
	balancer, _, err := c.balancer().MemberBalancer(joined)
	if err != nil {
		t.Fatal(err)
	}
	into, err := balancer.(kgo.GroupMemberBalancerOrError).BalanceOrError(map[string]int32{"state": c.stateful, "in": c.stateless})
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]*instance{}
	for _, a := range into.IntoSyncAssignment() {
		got := &instance{}
		reader := NewBalancer(BalancerConfig{Standby: func(all []Standby) { got.standbys = all }})
		if got.owned, err = reader.ParseSyncAssignment(a.MemberAssignment); err != nil {
			t.Fatal(err)
		}
		given[a.MemberID] = got
	}
	return given
}

func has(o owned, id record.TaskID) bool {
	return slices.Contains(o[[]string{"state", "in"}[id.Subtopology]], id.Partition)
}

func (c *cluster) tasks() (all []record.TaskID) {
	for p := range c.stateful {
		all = append(all, record.TaskID{Partition: p})
	}
	for p := range c.stateless {
		all = append(all, record.TaskID{Subtopology: 1, Partition: p})
	}
	return all
}

// rebalance does one rebalance and checks what must hold of each. again: somebody joins again, having
// given something up or having caught up.
func (c *cluster) rebalance(t *rapid.T) (again bool) {
	c.generation++
	given := c.plan(t)
	for name, got := range given {
		for other, had := range c.members {
			for _, id := range c.tasks() {
				if name != other && has(got.owned, id) && has(had.owned, id) {
					t.Fatalf("%s is given task %v, which %s still has", name, id, other)
				}
			}
		}
		for i, s := range got.standbys {
			if s.Task.Subtopology != 0 {
				t.Fatalf("%s is given a standby of task %v, which has no state", name, s.Task)
			}
			if has(got.owned, s.Task) {
				t.Fatalf("%s is given task %v and a standby of it", name, s.Task)
			}
			if slices.ContainsFunc(got.standbys[:i], func(o Standby) bool { return o.Task == s.Task }) {
				t.Fatalf("%s is given two standbys of task %v", name, s.Task)
			}
		}
	}
	for name, got := range given {
		m := c.members[name]
		for _, id := range c.tasks() {
			again = again || has(m.owned, id) && !has(got.owned, id)
		}
		m.owned, m.standbys = got.owned, got.standbys
		for _, s := range m.standbys {
			again = again || s.Next
		}
	}
	return again
}

// replay lets every copy that is open catch up.
func (c *cluster) replay() {
	for _, m := range c.members {
		for _, p := range m.owned["state"] {
			m.missing[record.TaskID{Partition: p}] = 0
		}
		for _, s := range m.standbys {
			m.missing[s.Task] = 1
		}
	}
}

// settle rebalances until nobody has a reason to.
func (c *cluster) settle(t *rapid.T) {
	for rounds := 0; c.rebalance(t); rounds++ {
		if rounds > 200 {
			t.Fatalf("no rest: %v", c.members)
		}
		c.replay()
	}
	c.rebalance(t)
	c.replay()
	c.atRest(t)
}

// atRest checks what holds of a group that has nothing left to do.
func (c *cluster) atRest(t *rapid.T) {
	owners := map[record.TaskID]string{}
	copies := map[record.TaskID]int{}
	loads, states := map[string]int{}, map[string]int{}
	for name, m := range c.members {
		states[name] = len(m.owned["state"])
		loads[name] = states[name] + len(m.owned["in"])
		for _, id := range c.tasks() {
			if has(m.owned, id) {
				if owners[id] != "" {
					t.Fatalf("task %v is with %s and %s", id, owners[id], name)
				}
				owners[id] = name
			}
		}
		for _, s := range m.standbys {
			copies[s.Task]++
			if s.Next {
				t.Fatalf("task %v is still to move to %s", s.Task, name)
			}
		}
	}
	if len(owners) != int(c.stateful+c.stateless) {
		t.Fatalf("only %d tasks have a member: %v", len(owners), owners)
	}
	for what, counts := range map[string]map[string]int{"tasks": loads, "tasks with state": states} {
		all := slices.Sorted(maps.Values(counts))
		if all[len(all)-1]-all[0] > 1 {
			t.Fatalf("uneven %s: %v", what, counts)
		}
	}
	for p := range c.stateful {
		id := record.TaskID{Partition: p}
		if want := min(c.copies, len(c.members)-1); copies[id] != want {
			t.Fatalf("task %v has %d standbys, want %d", id, copies[id], want)
		}
	}
	// Nothing moves for nothing, and the same always gives the same.
	before := map[string]*instance{}
	for name, m := range c.members {
		before[name] = &instance{owned: m.owned, standbys: m.standbys}
	}
	for range 2 {
		if diff := cmp.Diff(before, c.plan(t), cmp.AllowUnexported(instance{})); diff != "" {
			t.Fatalf("an unchanged group is assigned anew (-before +after):\n%s", diff)
		}
	}
}

// Whatever instances come and go, with whatever state they hold: nobody is given what another still
// has, no standby is where its task is, and at rest the load is even and nothing moves.
func TestPlacementComesToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &cluster{
			stateful: rapid.Int32Range(1, 12).Draw(t, "stateful"), stateless: rapid.Int32Range(1, 8).Draw(t, "stateless"),
			copies: rapid.IntRange(0, 2).Draw(t, "copies"), members: map[string]*instance{},
			changelog: rapid.SampledFrom([]int64{0, 5000, 1 << 20}).Draw(t, "changelog"),
		}
		racks := rapid.SampledFrom([][]string{{""}, {"a", "b"}, {"a", "b", ""}}).Draw(t, "racks")
		gone := map[string]*instance{}
		for next := range rapid.IntRange(1, 8).Draw(t, "changes") {
			names := slices.Sorted(maps.Keys(c.members))
			switch kind := rapid.SampledFrom([]string{"join", "join", "leave", "return"}).Draw(t, "change"); {
			case kind == "leave" && len(names) > 1:
				name := rapid.SampledFrom(names).Draw(t, "member")
				gone[name] = c.members[name]
				delete(c.members, name)
			case kind == "return" && len(gone) > 0:
				name := rapid.SampledFrom(slices.Sorted(maps.Keys(gone))).Draw(t, "member")
				m := gone[name]
				m.owned, m.standbys = nil, nil
				for id := range m.missing {
					m.missing[id] += rapid.Int64Range(0, 1<<18).Draw(t, "missed")
				}
				c.members[name] = m
				delete(gone, name)
			default:
				c.members[fmt.Sprint("m", next)] = &instance{
					rack: rapid.SampledFrom(racks).Draw(t, "rack"), missing: map[record.TaskID]int64{},
				}
			}
			if rapid.Bool().Draw(t, "more at once") {
				c.rebalance(t)
				continue
			}
			c.settle(t)
		}
	})
}

// large is a group whose state takes long to restore.
func large(stateful int32, copies int, names ...string) *cluster {
	c := &cluster{stateful: stateful, copies: copies, changelog: 1 << 30, members: map[string]*instance{}}
	for _, name := range names {
		c.members[name] = &instance{missing: map[record.TaskID]int64{}}
	}
	return c
}

func (c *cluster) states() map[string][]int32 {
	all := map[string][]int32{}
	for name, m := range c.members {
		all[name] = m.owned["state"]
	}
	return all
}

func TestMemberThatComesBackGetsItsTasks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := large(6, 0, "m1", "m2", "m3")
		c.settle(t)
		before := c.states()
		m := c.members["m2"]
		delete(c.members, "m2")
		c.settle(t)
		m.owned, m.standbys = nil, nil
		for id := range m.missing {
			m.missing[id] = rapid.Int64Range(1, 1<<20).Draw(t, "missed")
		}
		c.members["m2"] = m
		c.settle(t)
		if diff := cmp.Diff(before, c.states()); diff != "" {
			t.Errorf("-before +after:\n%s", diff)
		}
	})
}

// A task with much state does not go where its state is not: it stays, the new member prepares it
// meanwhile, a few at a time, and takes it over once it has caught up.
func TestTaskWorksOnWhileItsNextPlaceRestores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := large(12, 0, "m1")
		c.settle(t)
		c.members["m2"] = &instance{missing: map[record.TaskID]int64{}}
		c.rebalance(t)
		if got := c.states(); len(got["m1"]) != 12 || len(got["m2"]) != 0 {
			t.Fatalf("before any state is there: %v", got)
		}
		preparing := c.members["m2"].standbys
		if len(preparing) != maxMoves {
			t.Fatalf("m2 prepares %v, want %d at a time", preparing, maxMoves)
		}
		c.members["m2"].missing[preparing[0].Task] = 100
		c.rebalance(t)
		c.rebalance(t)
		if got := c.states(); !slices.Equal(got["m2"], []int32{preparing[0].Task.Partition}) {
			t.Errorf("m2 caught up with %v and has %v", preparing[0].Task, got["m2"])
		}
		c.settle(t)
	})
}

// A standby takes over from a member that is gone.
func TestStandbyIsTheNextPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := large(6, 1, "m1", "m2", "m3")
		c.settle(t)
		orphans := c.members["m1"].owned["state"]
		delete(c.members, "m1")
		copies := map[int32]string{}
		for name, m := range c.members {
			for _, s := range m.standbys {
				copies[s.Task.Partition] = name
			}
		}
		c.rebalance(t)
		for _, p := range orphans {
			if name := copies[p]; !slices.Contains(c.members[name].owned["state"], p) {
				t.Errorf("task %d has a standby on %s, but went elsewhere: %v", p, name, c.states())
			}
		}
	})
}

func TestStandbysAreOnOtherRacks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := large(8, 1, "m1", "m2", "m3", "m4")
		for name, rack := range map[string]string{"m1": "a", "m2": "a", "m3": "b", "m4": "b"} {
			c.members[name].rack = rack
		}
		c.settle(t)
		racks := map[record.TaskID]string{}
		for _, m := range c.members {
			for _, p := range m.owned["state"] {
				racks[record.TaskID{Partition: p}] = m.rack
			}
		}
		for name, m := range c.members {
			for _, s := range m.standbys {
				if racks[s.Task] == m.rack {
					t.Errorf("task %v is on rack %s, and so is its standby on %s", s.Task, m.rack, name)
				}
			}
		}
	})
}

// Members of a version that says nothing of its state are dealt tasks as evenly as others.
func TestMembersThatSayNothingGetTasks(t *testing.T) {
	b := NewBalancer(BalancerConfig{Tasks: []TaskTopics{{[]string{"state"}, true}}, Standbys: 1})
	var members []kmsg.JoinGroupResponseMember
	for i, data := range [][]byte{nil, {9, 9, 9}, Holdings{{{Level: 3}}}.Encode()} {
		meta := kmsg.NewConsumerMemberMetadata()
		meta.Version, meta.Topics, meta.UserData = 3, []string{"state"}, data
		member := kmsg.NewJoinGroupResponseMember()
		member.MemberID, member.ProtocolMetadata = fmt.Sprint("m", i), meta.AppendTo(nil)
		members = append(members, member)
	}
	balancer, _, err := b.MemberBalancer(members)
	if err != nil {
		t.Fatal(err)
	}
	into, err := balancer.(kgo.GroupMemberBalancerOrError).BalanceOrError(map[string]int32{"state": 6})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range into.IntoSyncAssignment() {
		if got, err := b.ParseSyncAssignment(a.MemberAssignment); err != nil || len(got["state"]) != 2 {
			t.Errorf("%s: %v %v, want two partitions", a.MemberID, got, err)
		}
	}
}

// A task is restored on one member while another that has its state comes back: it goes there, and
// stays. One of them, of which only one other has the state, is not kept from it by those of which
// all have.
func TestTaskFollowsItsState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := large(2, 0, "m1", "m2")
		one, both := record.TaskID{Partition: 1}, record.TaskID{Partition: 0}
		c.members["m1"].missing[both], c.members["m2"].missing[both] = 5, 3
		c.members["m2"].missing[one] = 100
		c.members["m1"].owned = owned{"state": {1}}
		c.rebalance(t)
		c.rebalance(t)
		for name, m := range c.members {
			if len(m.standbys) > 0 {
				t.Errorf("%s is to prepare %v", name, m.standbys)
			}
		}
		want := map[string][]int32{"m1": {0}, "m2": {1}}
		if diff := cmp.Diff(want, c.states()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestStandbysAreSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := large(9, 1, "m1", "m2", "m3")
		c.settle(t)
		// One has state of everything, from long ago: it must not get all standbys.
		for p := range int32(9) {
			c.members["m1"].missing[record.TaskID{Partition: p}] = 1 << 15
		}
		c.settle(t)
		for name, m := range c.members {
			if n := len(m.standbys); n < 2 || n > 4 {
				t.Errorf("%s has %d standbys of 9, want about 3", name, n)
			}
		}
	})
}
