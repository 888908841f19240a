package streamtest

import (
	"maps"
	"slices"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// RawTopic is any topic as bytes: bad input, repartition topics, changelogs.
func RawTopic(name string) topology.Topic[[]byte, []byte] {
	return topology.NewTopic(name, serde.Bytes(), serde.Bytes())
}

// Written is a record that the topology has written, as Kafka would hold it.
type Written struct {
	Partition int32
	record.Raw
}

// Topics are the names of all topics that the topology has written to, internal ones and
// dead-letter topics included, sorted. Kafka: TopologyTestDriver.producedTopicNames.
func (d *Driver) Topics() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(d.topics)) {
		if len(d.topics[name].written) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// Written is all that the topology has written to the topic, in order across its partitions. It
// may be called again and does not take records away from Output. The records are not to be
// changed.
func (d *Driver) Written(topic string) []Written {
	if t := d.topics[topic]; t != nil {
		return slices.Clip(t.written)
	}
	return nil
}

// topic is a topic in memory.
type topic struct {
	processor.Topic
	ends    []int64        // by partition: the next record's offset
	queues  []*queue       // by partition: what a task reads; nil: none does
	written []Written      // by the topology
	handed  int            // how many of them outputs have handed out
	rotates int32          // the partition for the next piped record without a key
	kept    [][]record.Raw // by partition: all records, if they stand for a changelog; nil: they do not
}

// keep keeps all records.
func (t *topic) keep() { t.kept = make([][]record.Raw, t.Partitions) }

// topic is the topic of that name. One that is not known yet is made with as many partitions as
// the inputs have: in Kafka it would have to be there.
func (d *Driver) topic(name string) *topic {
	t := d.topics[name]
	if t == nil {
		t = d.newTopic(name, int32(d.settings.partitions))
	}
	return t
}

func (d *Driver) newTopic(name string, partitions int32) *topic {
	t := &topic{
		Topic:  processor.Topic{Name: name, Partitions: partitions},
		ends:   make([]int64, partitions),
		queues: make([]*queue, partitions),
	}
	d.topics[name] = t
	return t
}

// piped appends a record of the test.
func (d *Driver) piped(t *topic, partition int32, r record.Raw) {
	r.Offset = t.ends[partition]
	t.ends[partition]++
	if t.kept != nil {
		t.kept[partition] = append(t.kept[partition], r)
	}
	if q := t.queues[partition]; q != nil {
		d.agenda.add(q, r)
	}
}

// write appends a record of the topology and returns the offset behind it. If a task reads the
// topic, the record waits for it.
func (d *Driver) write(o *processor.Output) (next int64) {
	t := d.topic(o.Topic.Name)
	r := record.Raw{Key: o.Key, Value: o.Value, Time: o.Time, Headers: o.Headers, LeaderEpoch: -1}
	r.Offset = t.ends[o.Partition]
	t.written = append(t.written, Written{Partition: o.Partition, Raw: r})
	d.piped(t, o.Partition, r)
	return t.ends[o.Partition]
}
