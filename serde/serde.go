package serde

// Serde turns values into bytes and back. Null never reaches it: a null value is null bytes.
type Serde[T any] interface {
	// Append appends v's bytes to dst and returns the extended slice, as append does. An error
	// is the record's: it goes to the error policy.
	Append(dst []byte, v T) ([]byte, error)
	// Decode returns the value that data holds. It must not keep data, which the caller may
	// reuse.
	Decode(data []byte) (T, error)
}

// Part is the half of a record that a serde is bound to.
type Part int

// The halves of a record.
const (
	Key Part = iota
	Value
)

// String is "key" or "value".
func (p Part) String() string {
	if p == Key {
		return "key"
	}
	return "value"
}

// Binder is what a Serde may be too: it gives the serde for one topic and part, e.g. bound to its
// registry subject. Bind is called once per task and use, so what it returns may keep state and
// belongs to one goroutine; the serde itself is shared and must be safe to use from several.
type Binder[T any] interface {
	Bind(topic string, part Part) Serde[T]
}

// PartitionKeyer is what a key's Serde may be too: it gives the part of an encoded key that
// chooses the partition. Of a windowed key that is the inner key, as in Kafka Streams'
// WindowedStreamPartitioner.
type PartitionKeyer interface {
	PartitionKey(encoded []byte) []byte
}

// Bind is s bound to the topic and part if it is a Binder, else s.
func Bind[T any](s Serde[T], topic string, part Part) Serde[T] {
	if b, ok := s.(Binder[T]); ok {
		return b.Bind(topic, part)
	}
	return s
}
