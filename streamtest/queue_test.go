package streamtest

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
)

// The heads that are taken are always the oldest there are, and a partition's come in its order.
func TestAgendaTakesTheOldestHead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		queues := make([]*queue, 4)
		for i := range queues {
			queues[i] = &queue{}
		}
		var a agenda
		left := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if left == 0 || rapid.Bool().Draw(t, "add") {
				q := queues[rapid.IntRange(0, 3).Draw(t, "queue")]
				at := record.Time(rapid.Int64Range(0, 9).Draw(t, "at"))
				a.add(q, record.Raw{Time: at, Offset: int64(len(q.records))})
				left++
				continue
			}
			oldest := record.Time(10)
			for _, q := range queues {
				if !q.empty() {
					oldest = min(oldest, q.head().Time)
				}
			}
			q, taken := a.take()
			left--
			if len(taken) != 1 || taken[0].Time != oldest || taken[0].Offset != int64(q.taken-1) {
				t.Fatalf("took %v, the oldest head is of %d", taken, oldest)
			}
		}
	})
}

// Of heads of one time the order is java.util.PriorityQueue's, which has no rule that a test could
// state. This one was got by running the same calls in Java.
func TestAgendaOrdersEqualsAsJavaDoes(t *testing.T) {
	a, b, c := &queue{}, &queue{}, &queue{}
	var agenda agenda
	for _, q := range []*queue{a, b, c, a, b, c} {
		agenda.add(q, record.Raw{Time: 5})
	}
	var got []string
	for len(agenda) > 0 {
		q, _ := agenda.take()
		got = append(got, map[*queue]string{a: "a", b: "b", c: "c"}[q])
	}
	if want := []string{"a", "c", "a", "c", "b", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
