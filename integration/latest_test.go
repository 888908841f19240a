package integration_test

import (
	"sync"
	"testing"

	"github.com/pitwheel/pitwheel/integration/kafkatest"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// latest is the application of the figures: it keeps each key's latest number, in one task a partition,
// and hands it on if Results names a topic.
type latest struct {
	ID      string
	Numbers string
	Results string
}

func newLatest(t *testing.T, k *kafkatest.Kafka, results bool) latest {
	t.Helper()
	a := latest{ID: kafkatest.Name(t, "latest"), Numbers: kafkatest.Name(t, "numbers")}
	k.Create(partitions, kafkatest.Topic(a.Numbers))
	if results {
		a.Results = kafkatest.Name(t, "results")
		k.Create(partitions, kafkatest.Topic(a.Results))
	}
	return a
}

// plan calls first with the first record.
func (a latest) plan(first func()) (*topology.Plan, error) {
	var once sync.Once
	b := topology.NewBuilder()
	rows := b.Stream(topology.NewTopic(a.Numbers, serde.String(), serde.Int64())).
		Peek(func(string, int64) { once.Do(first) }).
		GroupByKey().
		Aggregate(func() int64 { return 0 }, func(_ string, number, _ int64) int64 { return number }, topology.As("latest"))
	if a.Results != "" {
		rows.ToStream().To(topology.NewTopic(a.Results, serde.String(), serde.Int64()))
	}
	return b.Build()
}
