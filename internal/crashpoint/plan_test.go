package crashpoint

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

const (
	partitions  = 3
	repartition = "app-chains-repartition"
)

var (
	numbers   = topology.NewTopic("numbers", serde.String(), serde.Int64())
	chains    = topology.NewTopic("chains", serde.String(), serde.String())
	perMinute = windowing.Tumbling(time.Minute)
	minutes   = topology.NewTopic("minutes", perMinute.KeySerde(serde.String()), serde.Int64())
)

// link is what a chain of numbers becomes with the next.
func link(chain string, number int64) string { return fmt.Sprintf("%s%d,", chain, number) }

// newPlan makes chains of each key's numbers, behind a repartition topic, and counts its numbers by the
// minute. Seen counts the numbers that are being chained.
func newPlan(t *testing.T, seen *atomic.Int64) *topology.Plan {
	t.Helper()
	b := topology.NewBuilder()
	in := b.Stream(numbers)
	in.SelectKey(func(key string, _ int64) string { return "moved-" + key }).
		GroupByKey().
		Aggregate(func() string { return "" }, func(_ string, number int64, chain string) string {
			seen.Add(1)
			return link(chain, number)
		}, topology.As("chains")).
		ToStream().
		To(chains)
	in.GroupByKey().
		WindowedBy(perMinute.Grace(time.Hour)).
		Count(topology.As("minutes")).
		ToStream().
		To(minutes)
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
