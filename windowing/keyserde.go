package windowing

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// KeySerde is Kafka Streams' TimeWindowedSerde, for the topics that these windows are written to
// or read from: the key's bytes, then the start as 8 bytes big endian. The end is not written; it
// is the start and the size.
func (w Windows) KeySerde[K any](key serde.Serde[K]) serde.Serde[Key[K]] {
	return timeWindowed[K]{key: key, size: w.size}
}

type timeWindowed[K any] struct {
	key  serde.Serde[K]
	size time.Duration
}

func (s timeWindowed[K]) Append(dst []byte, v Key[K]) ([]byte, error) {
	dst, err := s.key.Append(dst, v.Key)
	if err != nil {
		return dst, err
	}
	return binary.BigEndian.AppendUint64(dst, uint64(v.Start)), nil
}

func (s timeWindowed[K]) Decode(data []byte) (Key[K], error) {
	at := len(data) - 8
	if at < 0 {
		return Key[K]{}, fmt.Errorf("windowing: windowed key of %d bytes, want at least 8", len(data))
	}
	key, err := s.key.Decode(data[:at])
	if err != nil {
		return Key[K]{}, err
	}
	start := record.Time(binary.BigEndian.Uint64(data[at:]))
	if start < 0 { // invariant W1
		return Key[K]{}, fmt.Errorf("windowing: windowed key with the negative start %d", start)
	}
	return Key[K]{Key: key, Start: start, End: End(start, s.size)}, nil
}

// PartitionKey is the inner key: all windows of a key are in its partition.
func (s timeWindowed[K]) PartitionKey(encoded []byte) []byte {
	return encoded[:max(len(encoded)-8, 0)]
}

func (s timeWindowed[K]) Bind(topic string, part serde.Part) serde.Serde[Key[K]] {
	return timeWindowed[K]{key: serde.Bind(s.key, topic, part), size: s.size}
}

// End is start plus size, held at the end of time where it would overflow.
func End(start record.Time, size time.Duration) record.Time {
	end := start.Add(size)
	if end < start || size == endless {
		return 1<<63 - 1
	}
	return end
}
