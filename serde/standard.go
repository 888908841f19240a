package serde

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/pitwheel/pitwheel/record"
)

// String is UTF-8 as it is, like Java's StringSerializer; bytes that are not UTF-8 pass.
func String() Serde[string] { return stringSerde{} }

// Bytes is the bytes themselves, like Java's ByteArraySerializer.
func Bytes() Serde[[]byte] { return bytesSerde{} }

// Bool is one byte, 0 or 1, like Java's BooleanSerializer.
func Bool() Serde[bool] { return boolSerde{} }

// Int32 is 4 bytes, big endian, like Java's IntegerSerializer.
func Int32() Serde[int32] { return int32Serde{} }

// Int64 is 8 bytes, big endian, like Java's LongSerializer.
func Int64() Serde[int64] { return int64Serde{} }

// Float32 is 4 bytes, IEEE 754 big endian, like Java's FloatSerializer.
func Float32() Serde[float32] { return float32Serde{} }

// Float64 is 8 bytes, IEEE 754 big endian, like Java's DoubleSerializer.
func Float64() Serde[float64] { return float64Serde{} }

// UUID is the canonical text form of 36 characters, like Java's UUIDSerializer.
func UUID() Serde[[16]byte] { return uuidSerde{} }

type (
	stringSerde  struct{}
	bytesSerde   struct{}
	boolSerde    struct{}
	int32Serde   struct{}
	int64Serde   struct{}
	float32Serde struct{}
	float64Serde struct{}
)

func (stringSerde) Append(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }
func (stringSerde) Decode(data []byte) (string, error)          { return string(data), nil }

// Bind gives a serde that decodes into chunks, so that a string costs no allocation of its own.
func (stringSerde) Bind(string, Part) Serde[string] { return &chunkedString{} }

// chunkBytes bounds what one kept string keeps alive.
const chunkBytes = 8 << 10

// chunkedString is String for one task. Strings are cut from a chunk that is never written again
// where a string stands, so they are as immutable as any; a kept string keeps its chunk.
type chunkedString struct {
	stringSerde
	chunk []byte
}

// Decode copies data into the chunk. The unsafe view is sound because the bytes behind it are
// written before it is made and never after.
func (s *chunkedString) Decode(data []byte) (string, error) {
	if len(data) == 0 {
		return "", nil
	}
	if len(data) > chunkBytes/8 {
		return string(data), nil
	}
	if len(data) > cap(s.chunk)-len(s.chunk) {
		s.chunk = make([]byte, 0, chunkBytes)
	}
	at := len(s.chunk)
	s.chunk = append(s.chunk, data...)
	return unsafe.String(&s.chunk[at], len(data)), nil
}

func (bytesSerde) Append(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (bytesSerde) Decode(data []byte) ([]byte, error) {
	return append(make([]byte, 0, len(data)), data...), nil
}

// Bind gives a serde that decodes into chunks, so that a value costs no allocation of its own.
func (bytesSerde) Bind(string, Part) Serde[[]byte] { return &chunkedBytes{} }

// chunkedBytes is Bytes for one task: as chunkedString, but what is cut may be written by its owner. It has no
// room behind it, so that an append to it does not reach its neighbour.
type chunkedBytes struct {
	bytesSerde
	chunk []byte
}

// Decode copies data into the chunk.
func (s *chunkedBytes) Decode(data []byte) ([]byte, error) {
	if len(data) > chunkBytes/8 || len(data) == 0 {
		return s.bytesSerde.Decode(data)
	}
	if len(data) > cap(s.chunk)-len(s.chunk) {
		s.chunk = make([]byte, 0, chunkBytes)
	}
	at := len(s.chunk)
	s.chunk = append(s.chunk, data...)
	return s.chunk[at:len(s.chunk):len(s.chunk)], nil
}

func (boolSerde) Append(dst []byte, v bool) ([]byte, error) {
	if v {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func (boolSerde) Decode(data []byte) (bool, error) {
	if len(data) != 1 || data[0] > 1 {
		return false, fmt.Errorf("serde: bool: %d bytes, want one byte, 0 or 1", len(data))
	}
	return data[0] == 1, nil
}

func (int32Serde) Append(dst []byte, v int32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, uint32(v)), nil
}

func (int32Serde) Decode(data []byte) (int32, error) {
	if len(data) != 4 {
		return 0, sizeError("int32", 4, data)
	}
	return int32(binary.BigEndian.Uint32(data)), nil
}

func (int64Serde) Append(dst []byte, v int64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
}

func (int64Serde) Decode(data []byte) (int64, error) {
	if len(data) != 8 {
		return 0, sizeError("int64", 8, data)
	}
	return int64(binary.BigEndian.Uint64(data)), nil
}

func (float32Serde) Append(dst []byte, v float32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, math.Float32bits(v)), nil
}

func (float32Serde) Decode(data []byte) (float32, error) {
	if len(data) != 4 {
		return 0, sizeError("float32", 4, data)
	}
	return math.Float32frombits(binary.BigEndian.Uint32(data)), nil
}

func (float64Serde) Append(dst []byte, v float64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v)), nil
}

func (float64Serde) Decode(data []byte) (float64, error) {
	if len(data) != 8 {
		return 0, sizeError("float64", 8, data)
	}
	return math.Float64frombits(binary.BigEndian.Uint64(data)), nil
}

func sizeError(name string, want int, data []byte) error {
	return fmt.Errorf("serde: %s: %d bytes, want %d", name, len(data), want)
}

// Standard returns the serde of Go's basic types and of their Null: string, []byte, bool, int32,
// int64, float32, float64 and [16]byte (UUID). Other types have none.
func Standard[T any]() (s Serde[T], ok bool) {
	var found any
	switch any(*new(T)).(type) {
	case string:
		found = String()
	case []byte:
		found = Bytes()
	case bool:
		found = Bool()
	case int32:
		found = Int32()
	case int64:
		found = Int64()
	case float32:
		found = Float32()
	case float64:
		found = Float64()
	case [16]byte:
		found = UUID()
	case record.Null[string]:
		found = Nullable(String())
	case record.Null[bool]:
		found = Nullable(Bool())
	case record.Null[int32]:
		found = Nullable(Int32())
	case record.Null[int64]:
		found = Nullable(Int64())
	case record.Null[float32]:
		found = Nullable(Float32())
	case record.Null[float64]:
		found = Nullable(Float64())
	case record.Null[[16]byte]:
		found = Nullable(UUID())
	}
	s, ok = found.(Serde[T])
	return s, ok
}
