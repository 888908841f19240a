package integration_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pitwheel/pitwheel/integration/kafkatest"
)

// assignments is which partitions each member of the application's group has, a line each, by their
// instances' ids.
func assignments(t *testing.T, k *kafkatest.Kafka, app application) (lines []string) {
	t.Helper()
	groups, err := admin(t, k).DescribeGroups(t.Context(), app.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range groups[app.ID].Members {
		assigned, ok := m.Assigned.AsConsumer()
		if !ok || m.InstanceID == nil {
			t.Fatalf("member %s is none of a pitwheel application", m.MemberID)
		}
		var has []string
		for _, topic := range assigned.Topics {
			for _, p := range topic.Partitions {
				has = append(has, fmt.Sprintf("%s-%d", topic.Topic, p))
			}
		}
		slices.Sort(has)
		lines = append(lines, fmt.Sprintf("%s: %v", *m.InstanceID, has))
	}
	slices.Sort(lines)
	return lines
}

// awaitShared waits until that many members have the partitions, each some, and it stays so over a
// commit.
func awaitShared(t *testing.T, k *kafkatest.Kafka, app application, members int) {
	t.Helper()
	var last []string
	await(t, fmt.Sprintf("%d members to share the partitions", members), func() bool {
		now := assignments(t, k, app)
		same := slices.Equal(last, now)
		last = now
		return same && len(now) == members && !slices.ContainsFunc(now, func(line string) bool {
			return line[len(line)-2:] == "[]"
		})
	})
}
