package pitwheel_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// TestTaskIdleHoldsRecordsBack writes as many records to either input of a merge. The last one has none of
// the other input to be compared with, so it waits until the app is told not to.
func TestTaskIdleHoldsRecordsBack(t *testing.T) {
	of := func(name string) topology.Topic[string, string] {
		return topology.NewTopic(name, serde.String(), serde.String())
	}
	b := topology.NewBuilder()
	b.Stream(of("left")).Merge(b.Stream(of("right"))).To(of("out"))
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	k := newBroker(t, 1, "left", "right", "out")
	for _, topic := range []string{"left", "right"} {
		k.produce(topic, 2, func(i int) (string, string) { return fmt.Sprint(topic, i), "v" })
	}
	for _, tt := range []struct {
		idle time.Duration
		want int
	}{{time.Hour, 3}, {-1, 4}} {
		c := k.config(t)
		c.TaskIdle = tt.idle
		_, stop := start(t, plan, c)
		last, n := k.latest("out", func(_ map[string]string, n int) bool { return n >= tt.want })
		if n != tt.want || len(last) != tt.want {
			t.Errorf("TaskIdle %v: %d records, %v; want %d", tt.idle, n, last, tt.want)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
}
