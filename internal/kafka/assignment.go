package kafka

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// Assignment is what the group has given this member.
type Assignment struct {
	Member     Member
	Partitions []record.Partition // that are new
	Standbys   []Standby          // all that it is to keep, from now on
}

// Standby is a copy of a task's state that a member is to keep warm.
type Standby struct {
	Task record.TaskID
	// Next says that the task is to move here as soon as the copy has caught up: tell the group by
	// Coordinator.Rejoin. Kafka: a warm-up task (KIP-441).
	Next bool
}

// encodeStandbys is the user data of a member's assignment, see docs/format/membership.md.
func encodeStandbys(all []Standby) []byte {
	data := binary.AppendUvarint([]byte{userDataVersion}, uint64(len(all)))
	for _, s := range all {
		data = binary.AppendUvarint(data, uint64(s.Task.Subtopology))
		data = binary.AppendUvarint(data, uint64(s.Task.Partition))
		if s.Next {
			data = append(data, 1)
		} else {
			data = append(data, 0)
		}
	}
	return data
}

// decodeStandbys reads an assignment's user data. What it does not know assigns no standbys.
func decodeStandbys(data []byte) []Standby {
	if len(data) == 0 || data[0] != userDataVersion {
		return nil
	}
	rest := data[1:]
	count, ok := takeCount(&rest)
	if !ok {
		return nil
	}
	var all []Standby
	for range count {
		subtopology, n := binary.Uvarint(rest)
		if n <= 0 || subtopology > math.MaxInt32 {
			return nil
		}
		rest = rest[n:]
		partition, n := binary.Uvarint(rest)
		if n <= 0 || partition > math.MaxInt32 || len(rest) == n {
			return nil
		}
		all = append(all, Standby{
			Task: record.TaskID{Subtopology: int32(subtopology), Partition: int32(partition)}, Next: rest[n] == 1,
		})
		rest = rest[n+1:]
	}
	if len(rest) > 0 {
		return nil
	}
	return all
}

// assignment is what the leader gives one member.
type assignment struct {
	partitions map[string][]int32
	standbys   []Standby
}

// assignments are the leader's plan, by member id.
type assignments map[string]*assignment

// IntoSyncAssignment writes the plan as the client sends it.
func (a assignments) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment {
	all := make([]kmsg.SyncGroupRequestGroupAssignment, 0, len(a))
	for _, id := range slices.Sorted(maps.Keys(a)) {
		m := kmsg.NewConsumerMemberAssignment()
		for _, topic := range slices.Sorted(maps.Keys(a[id].partitions)) {
			t := kmsg.NewConsumerMemberAssignmentTopic()
			t.Topic, t.Partitions = topic, a[id].partitions[topic]
			slices.Sort(t.Partitions)
			m.Topics = append(m.Topics, t)
		}
		if len(a[id].standbys) > 0 {
			m.UserData = encodeStandbys(a[id].standbys)
		}
		sync := kmsg.NewSyncGroupRequestGroupAssignment()
		sync.MemberID, sync.MemberAssignment = id, m.AppendTo(nil)
		all = append(all, sync)
	}
	return all
}
