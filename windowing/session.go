package windowing

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// Sessions are windows of a key's activity: records that are at most a gap apart are in one, from the
// first one's time to the last one's, both included. A record between two sessions makes them one.
// Kafka: org.apache.kafka.streams.kstream.SessionWindows (KIP-94).
type Sessions struct{ gap, grace time.Duration }

// Session is sessions that a gap without records ends. The gap is at least a millisecond and a whole
// number of them; Validate says so otherwise. Kafka: SessionWindows.ofInactivityGapWithNoGrace.
func Session(gap time.Duration) Sessions { return Sessions{gap: gap} }

// Grace is how long after a session's end and the gap, in stream time, a late record still counts. Zero:
// none. Kafka: SessionWindows.ofInactivityGapAndGrace.
func (s Sessions) Grace(d time.Duration) Sessions {
	s.grace = d
	return s
}

// Gap is what Session was given.
func (s Sessions) Gap() time.Duration { return s.gap }

// GracePeriod is what Grace set.
func (s Sessions) GracePeriod() time.Duration { return s.grace }

// Validate returns what is wrong with the sessions and how to mend it; nil if nothing is.
func (s Sessions) Validate() error {
	switch {
	case s.gap < time.Millisecond || s.gap%time.Millisecond != 0:
		return fmt.Errorf("windowing: session gap %v: must be a whole number of milliseconds, at least 1", s.gap)
	case s.grace < 0 || s.grace%time.Millisecond != 0:
		return fmt.Errorf("windowing: grace %v: must be a whole number of milliseconds, not negative", s.grace)
	}
	return nil
}

// Retention is how long sessions must be kept from their end, so that a late record finds what it needs;
// false: too long for a time.
func (s Sessions) Retention() (d time.Duration, ok bool) { return sum(s.gap, s.grace) }

// KeySerde is Kafka Streams' SessionWindowedSerde, for the topics that sessions are written to or read
// from: the key's bytes, then the end and the start as 8 bytes big endian each.
func (s Sessions) KeySerde[K any](key serde.Serde[K]) serde.Serde[Key[K]] {
	return sessionWindowed[K]{key}
}

type sessionWindowed[K any] struct{ key serde.Serde[K] }

const sessionTimes = 16

func (s sessionWindowed[K]) Append(dst []byte, v Key[K]) ([]byte, error) {
	dst, err := s.key.Append(dst, v.Key)
	if err != nil {
		return dst, err
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.End))
	return binary.BigEndian.AppendUint64(dst, uint64(v.Start)), nil
}

func (s sessionWindowed[K]) Decode(data []byte) (Key[K], error) {
	at := len(data) - sessionTimes
	if at < 0 {
		return Key[K]{}, fmt.Errorf("windowing: session key of %d bytes, want at least %d", len(data), sessionTimes)
	}
	key, err := s.key.Decode(data[:at])
	if err != nil {
		return Key[K]{}, err
	}
	end := record.Time(binary.BigEndian.Uint64(data[at:]))
	start := record.Time(binary.BigEndian.Uint64(data[at+8:]))
	if start < 0 || end < start {
		return Key[K]{}, fmt.Errorf("windowing: session key with the start %d and the end %d, which cannot be", start, end)
	}
	return Key[K]{Key: key, Start: start, End: end}, nil
}

// PartitionKey is the inner key: all sessions of a key are in its partition.
func (s sessionWindowed[K]) PartitionKey(encoded []byte) []byte {
	return encoded[:max(len(encoded)-sessionTimes, 0)]
}

func (s sessionWindowed[K]) Bind(topic string, part serde.Part) serde.Serde[Key[K]] {
	return sessionWindowed[K]{serde.Bind(s.key, topic, part)}
}
