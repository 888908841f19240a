package kafkatest

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// Record is record.Record, so that a test needs no other import.
type Record[K, V any] = record.Record[K, V]

// Output is a topic to read from, from its beginning, and of it what is committed. Records of one
// partition come in their order. Streamtest: Output.
type Output[K, V any] struct {
	k      *Kafka
	topic  string
	key    serde.Serde[K]
	value  serde.Serde[V]
	client *kgo.Client
	behind []*kgo.Record   // read from Kafka, not handed out
	at     map[int32]int64 // by partition: the offset behind what was read
}

// Output is for reading a topic that is there.
func (k *Kafka) Output[K, V any](t topology.Topic[K, V]) *Output[K, V] {
	k.t.Helper()
	partitions := map[int32]kgo.Offset{}
	for p := range k.partitions(t.Name()) {
		partitions[p] = kgo.NewOffset().AtStart()
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(k.Brokers...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{t.Name(): partitions}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the last thing in a partition is a transaction's marker
	)
	if err != nil {
		k.t.Fatalf("kafkatest: read topic %q: %v", t.Name(), err)
	}
	k.t.Cleanup(client.Close)
	return &Output[K, V]{
		k: k, topic: t.Name(), client: client, at: map[int32]int64{},
		key:   serde.Bind(t.KeySerde(), t.Name(), serde.Key),
		value: serde.Bind(t.ValueSerde(), t.Name(), serde.Value),
	}
}

// Next waits for the next n records. The test fails if they do not come within its patience, a minute by default.
func (o *Output[K, V]) Next(n int) []Record[K, V] {
	o.k.t.Helper()
	ctx, cancel := o.k.context()
	defer cancel()
	for len(o.behind) < n {
		if err := o.poll(ctx); err != nil {
			o.k.t.Fatalf("kafkatest: topic %q has %d more committed records after %v, want %d: %v", o.topic, len(o.behind), o.k.patience, n, err)
		}
	}
	return o.take(n)
}

// All is what is committed now, and was not handed out before.
func (o *Output[K, V]) All() []Record[K, V] {
	o.k.t.Helper()
	ctx, cancel := o.k.context()
	defer cancel()
	ends, err := o.k.admin.ListCommittedOffsets(ctx, o.topic)
	if err == nil {
		err = ends.Error()
	}
	for err == nil && !o.reached(ends) {
		err = o.poll(ctx)
	}
	if err != nil {
		o.k.t.Fatalf("kafkatest: read topic %q to its end: %v", o.topic, err)
	}
	return o.take(len(o.behind))
}

func (o *Output[K, V]) reached(ends kadm.ListedOffsets) bool {
	all := true
	ends.Each(func(end kadm.ListedOffset) { all = all && o.at[end.Partition] >= end.Offset })
	return all
}

// poll reads what there is, or waits for it.
func (o *Output[K, V]) poll(ctx context.Context) error {
	fetches := o.client.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		return err
	}
	fetches.EachRecord(func(r *kgo.Record) {
		o.at[r.Partition] = r.Offset + 1
		if !r.Attrs.IsControl() {
			o.behind = append(o.behind, r)
		}
	})
	return nil
}

func (o *Output[K, V]) take(n int) []Record[K, V] {
	o.k.t.Helper()
	records := make([]Record[K, V], n)
	for i, raw := range o.behind[:n] {
		var err error
		if records[i], err = o.decode(raw); err != nil {
			o.k.t.Fatalf("kafkatest: topic %q, partition %d, offset %d: %v", o.topic, raw.Partition, raw.Offset, err)
		}
	}
	o.behind = o.behind[n:]
	return records
}

func (o *Output[K, V]) decode(raw *kgo.Record) (r Record[K, V], err error) {
	var key K
	if raw.Key != nil {
		if key, err = o.key.Decode(raw.Key); err != nil {
			return r, fmt.Errorf("decode its key: %w", err)
		}
	}
	var value V
	if raw.Value != nil {
		if value, err = o.value.Decode(raw.Value); err != nil {
			return r, fmt.Errorf("decode its value: %w", err)
		}
	}
	var headers record.Headers
	for _, h := range raw.Headers {
		headers = append(headers, record.Header{Key: h.Key, Value: h.Value})
	}
	at := record.Time(raw.Timestamp.UnixMilli())
	return record.Make(key, raw.Key == nil, value, raw.Value == nil, at, headers), nil
}
