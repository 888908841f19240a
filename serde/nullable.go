package serde

import (
	"errors"

	"github.com/pitwheel/pitwheel/record"
)

// Null is record.Null, so that a file with serdes needs no other import.
type Null[T any] = record.Null[T]

// Nullable adds null to a type that cannot hold it: null bytes are the Null that holds nothing.
func Nullable[T any](s Serde[T]) Serde[Null[T]] { return nullableSerde[T]{s} }

type nullableSerde[T any] struct{ of Serde[T] }

var errNull = errors.New("serde: a null has no bytes")

func (s nullableSerde[T]) Append(dst []byte, v Null[T]) ([]byte, error) {
	if !v.Valid {
		return dst, errNull
	}
	return s.of.Append(dst, v.V)
}

func (s nullableSerde[T]) Decode(data []byte) (Null[T], error) {
	v, err := s.of.Decode(data)
	return Null[T]{V: v, Valid: err == nil}, err
}

func (s nullableSerde[T]) Bind(topic string, part Part) Serde[Null[T]] {
	return nullableSerde[T]{Bind(s.of, topic, part)}
}

// PartitionKey is the inner serde's: a key that may be null goes to the same partition.
func (s nullableSerde[T]) PartitionKey(encoded []byte) []byte {
	if k, ok := s.of.(PartitionKeyer); ok {
		return k.PartitionKey(encoded)
	}
	return encoded
}

// Func is a serde of two functions, which keep the contract of Serde.
func Func[T any](
	appendTo func(dst []byte, v T) ([]byte, error),
	decode func(data []byte) (T, error),
) Serde[T] {
	return funcSerde[T]{appendTo, decode}
}

type funcSerde[T any] struct {
	appendTo func(dst []byte, v T) ([]byte, error)
	decode   func(data []byte) (T, error)
}

func (s funcSerde[T]) Append(dst []byte, v T) ([]byte, error) { return s.appendTo(dst, v) }
func (s funcSerde[T]) Decode(data []byte) (T, error)          { return s.decode(data) }
