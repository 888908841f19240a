package streamtest

import (
	"fmt"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// Input is a topic to pipe records into. Kafka: TestInputTopic.
type Input[K, V any] struct {
	d           *Driver
	topic       *topic
	key         serde.Serde[K]
	value       serde.Serde[V]
	partitioner topology.Partitioner[K, V]
}

// Input is for piping records into a topic that the plan reads.
func (d *Driver) Input[K, V any](t topology.Topic[K, V]) Input[K, V] {
	d.t.Helper()
	if !d.plan.Reads(t.Name()) {
		d.t.Fatalf("streamtest: the plan does not read topic %q; it reads %q and what its patterns match",
			t.Name(), d.plan.SourceTopics())
	}
	d.match(t.Name())
	return Input[K, V]{
		d: d, topic: d.topic(t.Name()), partitioner: t.Partitioner(),
		key:   serde.Bind(t.KeySerde(), t.Name(), serde.Key),
		value: serde.Bind(t.ValueSerde(), t.Name(), serde.Value),
	}
}

// Pipe processes a record with all that follows from it. A nil or an invalid Null is null. Where
// the app would stop, the test fails.
func (i Input[K, V]) Pipe(key K, value V, at record.Time) {
	i.d.t.Helper()
	i.PipeRecord(record.New(key, value, at))
}

// Tombstone is Pipe with a null value.
func (i Input[K, V]) Tombstone(key K, at record.Time) {
	i.d.t.Helper()
	var none V
	i.PipeRecord(record.New(key, none, at).AsTombstone())
}

// PipeRecord is Pipe for a record with headers or without a key.
func (i Input[K, V]) PipeRecord(r record.Record[K, V]) {
	i.d.t.Helper()
	i.d.must(i.TryPipeRecord(r))
}

// TryPipeRecord is PipeRecord that returns what would stop the app. The app has then stopped, and
// everything but Restart fails.
func (i Input[K, V]) TryPipeRecord(r record.Record[K, V]) error {
	if err := i.d.running(); err != nil {
		return err
	}
	raw, err := i.encode(r)
	if err != nil {
		return err
	}
	i.d.piped(i.topic, i.partition(r, raw.Key), raw)
	return i.d.run()
}

// encode makes the record as a producer would.
func (i Input[K, V]) encode(r record.Record[K, V]) (raw record.Raw, err error) {
	raw = record.Raw{Time: r.Time(), Headers: r.Headers(), LeaderEpoch: -1}
	if r.HasKey() {
		if raw.Key, err = i.key.Append([]byte{}, r.Key()); err != nil {
			return raw, fmt.Errorf("encode key for topic %q: %w", i.topic.Name, err)
		}
	}
	if !r.IsTombstone() {
		if raw.Value, err = i.value.Append([]byte{}, r.Value()); err != nil {
			return raw, fmt.Errorf("encode value for topic %q: %w", i.topic.Name, err)
		}
	}
	return raw, nil
}

// partition is where a producer would put the record; those without a key go round.
func (i Input[K, V]) partition(r record.Record[K, V], key []byte) int32 {
	n := i.topic.Partitions
	switch {
	case i.partitioner != nil:
		return int32(i.partitioner(r.Key(), r.Value(), int(n)))
	case key == nil:
		i.topic.rotates++
		return (i.topic.rotates - 1) % n
	}
	if k, ok := i.key.(serde.PartitionKeyer); ok {
		key = k.PartitionKey(key)
	}
	return processor.PartitionOf(key, n)
}
