package kafkatest

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// Input is a topic to send records to. Streamtest: Input.
type Input[K, V any] struct {
	k          *Kafka
	topic      topology.Topic[K, V]
	key        serde.Serde[K]
	value      serde.Serde[V]
	partitions int32
	rotates    *int32 // the partition for the next record without a key
}

// Input is for sending records to a topic that is there.
func (k *Kafka) Input[K, V any](t topology.Topic[K, V]) Input[K, V] {
	k.t.Helper()
	return Input[K, V]{
		k: k, topic: t, partitions: k.partitions(t.Name()), rotates: new(int32),
		key:   serde.Bind(t.KeySerde(), t.Name(), serde.Key),
		value: serde.Bind(t.ValueSerde(), t.Name(), serde.Value),
	}
}

// Send writes a record and returns once it is there. A nil or an invalid Null is null.
func (i Input[K, V]) Send(key K, value V, at record.Time) {
	i.k.t.Helper()
	i.SendRecords(record.New(key, value, at))
}

// Tombstone is Send with a null value.
func (i Input[K, V]) Tombstone(key K, at record.Time) {
	i.k.t.Helper()
	var none V
	i.SendRecords(record.New(key, none, at).AsTombstone())
}

// SendRecords writes records in their order and returns once all are there.
func (i Input[K, V]) SendRecords(records ...record.Record[K, V]) {
	i.k.t.Helper()
	raw := make([]*kgo.Record, len(records))
	for n, r := range records {
		var err error
		if raw[n], err = i.encode(r); err != nil {
			i.k.t.Fatalf("kafkatest: %v", err)
		}
	}
	ctx, cancel := i.k.context()
	defer cancel()
	if err := i.k.client.ProduceSync(ctx, raw...).FirstErr(); err != nil {
		i.k.t.Fatalf("kafkatest: send to topic %q: %v", i.topic.Name(), err)
	}
}

// encode makes the record as a producer would.
func (i Input[K, V]) encode(r record.Record[K, V]) (raw *kgo.Record, err error) {
	raw = &kgo.Record{Topic: i.topic.Name(), Timestamp: time.UnixMilli(int64(r.Time()))}
	for _, h := range r.Headers() {
		raw.Headers = append(raw.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	if r.HasKey() {
		if raw.Key, err = i.key.Append([]byte{}, r.Key()); err != nil {
			return nil, fmt.Errorf("encode key for topic %q: %w", i.topic.Name(), err)
		}
	}
	if !r.IsTombstone() {
		if raw.Value, err = i.value.Append([]byte{}, r.Value()); err != nil {
			return nil, fmt.Errorf("encode value for topic %q: %w", i.topic.Name(), err)
		}
	}
	raw.Partition = i.partition(r, raw.Key)
	return raw, nil
}

// partition is where a producer would put the record; those without a key go round.
func (i Input[K, V]) partition(r record.Record[K, V], key []byte) int32 {
	switch p := i.topic.Partitioner(); {
	case p != nil:
		return int32(p(r.Key(), r.Value(), int(i.partitions)))
	case key == nil:
		*i.rotates++
		return (*i.rotates - 1) % i.partitions
	}
	if k, ok := i.key.(serde.PartitionKeyer); ok {
		key = k.PartitionKey(key)
	}
	return processor.PartitionOf(key, i.partitions)
}
