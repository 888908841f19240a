package processor

import (
	"errors"
	"fmt"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// SinkConfig is how a sink writes. Key and Value are needed.
type SinkConfig[K, V any] struct {
	Key   serde.Serde[K]
	Value serde.Serde[V]
	// Partitioner chooses the partition, in [0, partitions). Nil: Kafka's default, murmur2 of
	// the key's bytes (of a windowed key: of its inner key). Kafka: StreamPartitioner.
	Partitioner func(key K, value V, partitions int) int
}

// Sink encodes records and puts them out for the engine to produce to the topic.
// Kafka: KStream.to.
func Sink[K, V any](step *Step, topic *Topic, c SinkConfig[K, V]) Emit[K, V] {
	e := newEncoder(step, topic, c)
	return e.put
}

// DynamicSink is Sink where name chooses each record's topic. lookup gives the topic of a name,
// nil if it is not known, and the same *Topic for a name each time.
// Kafka: KStream.to with a TopicNameExtractor.
func DynamicSink[K, V any](
	step *Step, name func(K, V) string, lookup func(string) *Topic, c SinkConfig[K, V],
) Emit[K, V] {
	nulls := nullsOf[K, V](step)
	encoders := make(map[*Topic]*encoder[K, V])
	guarded := func(r *record.Record[K, V]) (topic string, err error) {
		defer catch(&err)
		return name(r.Key(), r.Value()), nil
	}
	return func(r *record.Record[K, V]) error {
		if !nulls.shows(r) {
			return nulls.fail(r)
		}
		chosen, err := guarded(r)
		if err != nil {
			return step.Fail(Process, err)
		}
		topic := lookup(chosen)
		if topic == nil {
			return step.Fail(Encode, fmt.Errorf("the topic %q, chosen for the record, is not known", chosen))
		}
		e := encoders[topic]
		if e == nil {
			e = newEncoder(step, topic, c)
			encoders[topic] = e
		}
		return e.put(r)
	}
}

// encoder writes records to one topic.
type encoder[K, V any] struct {
	step         *Step
	topic        *Topic
	key          serde.Serde[K]
	value        serde.Serde[V]
	partitionKey partitionKey
	partitioner  func(key K, value V, partitions int) int
	nulls        inputNulls[K, V]
}

func newEncoder[K, V any](step *Step, topic *Topic, c SinkConfig[K, V]) *encoder[K, V] {
	key := serde.Bind(c.Key, topic.Name, serde.Key)
	return &encoder[K, V]{
		step:         step,
		topic:        topic,
		key:          key,
		value:        serde.Bind(c.Value, topic.Name, serde.Value),
		partitionKey: partitionKeyOf(key),
		partitioner:  c.Partitioner,
		nulls:        nullsOf[K, V](step),
	}
}

// put encodes the record behind what is put out already.
func (e *encoder[K, V]) put(r *record.Record[K, V]) error {
	outputs := e.step.Host.Outputs()
	out := Output{Topic: e.topic, Time: r.Time(), Headers: r.Headers()}
	bytes, keyLen, err := e.encode(outputs.Tail(), r)
	if err != nil {
		return e.step.Fail(Encode, err)
	}
	if r.HasKey() {
		out.Key = bytes[:keyLen:keyLen]
	}
	if !r.IsTombstone() {
		out.Value = bytes[keyLen:len(bytes):len(bytes)]
	}
	partition, reason, err := e.partition(r, out.Key)
	if reason != "" {
		return e.step.Fail(reason, err)
	}
	out.Partition = partition
	outputs.Keep(bytes)
	outputs.Add(out)
	if outputs.Refuse != nil {
		return e.unlessRefused(outputs)
	}
	return nil
}

// unlessRefused takes the last record back if it is known to be refused.
func (e *encoder[K, V]) unlessRefused(outputs *Outputs) error {
	last := len(outputs.Records) - 1
	err := outputs.Refuse(&outputs.Records[last])
	if err == nil {
		return nil
	}
	outputs.Records = outputs.Records[:last]
	return e.step.Fail(Produce, err)
}

// encode appends the key and then the value; keyLen is where the one ends.
func (e *encoder[K, V]) encode(dst []byte, r *record.Record[K, V]) (all []byte, keyLen int, err error) {
	if r.HasKey() {
		if dst, err = appendTo(e.key, dst, r.Key()); err != nil {
			return nil, 0, fmt.Errorf("encode key for topic %q: %w", e.topic.Name, err)
		}
	}
	keyLen = len(dst)
	if !r.IsTombstone() {
		if dst, err = appendTo(e.value, dst, r.Value()); err != nil {
			return nil, 0, fmt.Errorf("encode value for topic %q: %w", e.topic.Name, err)
		}
	}
	return dst, keyLen, nil
}

func appendTo[T any](s serde.Serde[T], dst []byte, v T) (all []byte, err error) {
	defer catch(&err)
	return s.Append(dst, v)
}

var errNoPartitions = errors.New("its number of partitions is not known")

// partition chooses the partition; -1 leaves it to the engine. A reason says that there is none.
func (e *encoder[K, V]) partition(
	r *record.Record[K, V], key []byte,
) (partition int32, reason Reason, err error) {
	n := e.topic.Partitions
	switch {
	case n <= 0:
		return 0, Encode, fmt.Errorf("partition for topic %q: %w", e.topic.Name, errNoPartitions)
	case e.partitioner == nil && key == nil:
		return -1, "", nil
	case e.partitioner == nil:
		return PartitionOf(e.partitionKey(key), n), "", nil
	case !e.nulls.showsKey(r):
		return 0, NullKey, nil
	case !e.nulls.showsValue(r):
		return 0, NullValue, nil
	}
	chosen, err := e.callPartitioner(r, int(n))
	if err != nil {
		return 0, Process, err
	}
	if chosen < 0 || chosen >= int(n) {
		return 0, Encode, fmt.Errorf("the partitioner chose partition %d of topic %q, which has %d",
			chosen, e.topic.Name, n)
	}
	return int32(chosen), "", nil
}

func (e *encoder[K, V]) callPartitioner(r *record.Record[K, V], n int) (chosen int, err error) {
	defer catch(&err)
	return e.partitioner(r.Key(), r.Value(), n), nil
}
