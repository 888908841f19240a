package serde

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
)

// The bytes are those of Java's serializers in org.apache.kafka.common.serialization.
func TestBytesAreJavas(t *testing.T) {
	t.Run("String", javaBytes(String(), map[string]string{"6b": "k", "": "", "c3a4e282ac": "ä€", "f09f8e89": "🎉"}))
	t.Run("Bytes", javaBytesFunc(Bytes(), bytes.Equal, map[string][]byte{"": {}, "00ff": {0, 255}}))
	t.Run("Bool", javaBytes(Bool(), map[string]bool{"00": false, "01": true}))
	t.Run("Int32", javaBytes(Int32(), map[string]int32{
		"00000000": 0, "00000001": 1, "ffffffff": -1, "80000000": math.MinInt32, "7fffffff": math.MaxInt32,
	}))
	t.Run("Int64", javaBytes(Int64(), map[string]int64{
		"0000000000000000": 0, "0000000000004e20": 20000, "fffffffffffffffe": -2,
		"8000000000000000": math.MinInt64, "7fffffffffffffff": math.MaxInt64,
	}))
	t.Run("Float32", javaBytes(Float32(), map[string]float32{
		"3fc00000": 1.5, "bf800000": -1, "7f800000": float32(math.Inf(1)),
	}))
	t.Run("Float64", javaBytes(Float64(), map[string]float64{"3ff8000000000000": 1.5, "fff0000000000000": math.Inf(-1)}))
	t.Run("UUID", javaBytes(UUID(), map[string][16]byte{
		hex.EncodeToString([]byte("123e4567-e89b-12d3-a456-426614174000")): {
			0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00,
		},
	}))
	t.Run("Nullable", javaBytes(Nullable(Int32()), map[string]record.Null[int32]{"00000007": record.Valid[int32](7)}))
}

func javaBytes[T comparable](s Serde[T], golden map[string]T) func(*testing.T) {
	return javaBytesFunc(s, func(a, b T) bool { return a == b }, golden)
}

func javaBytesFunc[T any](s Serde[T], equal func(a, b T) bool, golden map[string]T) func(*testing.T) {
	return func(t *testing.T) {
		for want, value := range golden {
			got, err := s.Append(nil, value)
			if err != nil || hex.EncodeToString(got) != want {
				t.Errorf("%v is %x, %v; want %s", value, got, err, want)
			}
			data, err := hex.DecodeString(want)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := s.Decode(data); err != nil || !equal(back, value) {
				t.Errorf("%s is %v, %v; want %v", want, back, err, value)
			}
		}
	}
}

// S1: Decode(Append(nil, v)) is v, Append keeps what dst holds, and Decode keeps nothing of data.
func TestRoundTrip(t *testing.T) {
	same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
	same32 := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
	t.Run("String", roundTrip(String(), equal[string], rapid.String()))
	t.Run("bound String", roundTrip(Bind(String(), "topic", Key), equal[string], rapid.StringN(-1, -1, 3000)))
	t.Run("Bytes", roundTrip(Bytes(), bytes.Equal, rapid.SliceOf(rapid.Byte())))
	t.Run("Bool", roundTrip(Bool(), equal[bool], rapid.Bool()))
	t.Run("Int32", roundTrip(Int32(), equal[int32], rapid.Int32()))
	t.Run("Int64", roundTrip(Int64(), equal[int64], rapid.Int64()))
	t.Run("Float32", roundTrip(Float32(), same32, rapid.Map(rapid.Uint32(), math.Float32frombits)))
	t.Run("Float64", roundTrip(Float64(), same, rapid.Map(rapid.Uint64(), math.Float64frombits)))
	uuids := rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) [16]byte { return [16]byte(b) })
	t.Run("UUID", roundTrip(UUID(), equal[[16]byte], uuids))
	t.Run("Nullable", roundTrip(Nullable(Int64()), equal[Null[int64]], rapid.Map(rapid.Int64(), record.Valid[int64])))
	t.Run("Func", roundTrip(Func(Int64().Append, Int64().Decode), equal[int64], rapid.Int64()))
	t.Run("JSON", roundTrip(JSON[view](), equal[view], rapid.Custom(drawView)))
}

func equal[T comparable](a, b T) bool { return a == b }

func roundTrip[T any](s Serde[T], equal func(a, b T) bool, values *rapid.Generator[T]) func(*testing.T) {
	return rapid.MakeCheck(func(t *rapid.T) {
		value := values.Draw(t, "value")
		data, err := s.Append([]byte("before"), value)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(data, []byte("before")) {
			t.Fatalf("Append lost what dst held: %q", data)
		}
		data = data[len("before"):]
		got, err := s.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range data {
			data[i] ^= 0xff // what Decode returned must not see this
		}
		if !equal(got, value) {
			t.Fatalf("got %v, want %v", got, value)
		}
	})
}

// Strings, bytes, UUIDs and booleans sort as their bytes do, unsigned; numbers do where they are
// not negative. Stores and closed windows come in the order of bytes.
func TestOrderOfBytes(t *testing.T) {
	t.Run("String", sorted(String(), strings.Compare, rapid.String()))
	t.Run("Bytes", sorted(Bytes(), bytes.Compare, rapid.SliceOf(rapid.Byte())))
	uuids := rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) [16]byte { return [16]byte(b) })
	t.Run("UUID", sorted(UUID(), func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }, uuids))
	t.Run("Int64", sorted(Int64(), func(a, b int64) int { return int(sign(a - b)) }, rapid.Int64Min(0)))
	t.Run("Int32", sorted(Int32(), func(a, b int32) int { return int(sign(a - b)) }, rapid.Int32Min(0)))
}

func sign[T int32 | int64](n T) T {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func sorted[T any](s Serde[T], compare func(a, b T) int, values *rapid.Generator[T]) func(*testing.T) {
	return rapid.MakeCheck(func(t *rapid.T) {
		a, b := values.Draw(t, "a"), values.Draw(t, "b")
		left, err := s.Append(nil, a)
		if err != nil {
			t.Fatal(err)
		}
		right, err := s.Append(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := bytes.Compare(left, right), compare(a, b); got != want {
			t.Fatalf("bytes of %v and %v compare as %d, the values as %d", a, b, got, want)
		}
	})
}

func TestWrongSizesAreErrors(t *testing.T) {
	for size := range 40 {
		data := make([]byte, size)
		wrong := func(name string, want int, err error) {
			if (err == nil) != (size == want) {
				t.Errorf("%s of %d bytes: %v", name, size, err)
			}
		}
		_, err := Bool().Decode(data)
		wrong("bool", 1, err)
		_, err = Int32().Decode(data)
		wrong("int32", 4, err)
		_, err = Int64().Decode(data)
		wrong("int64", 8, err)
		_, err = Float32().Decode(data)
		wrong("float32", 4, err)
		_, err = Float64().Decode(data)
		wrong("float64", 8, err)
		_, err = UUID().Decode(data) // 36 zero bytes are no digits either
		wrong("uuid", -1, err)
	}
}

func TestMalformedIsAnError(t *testing.T) {
	if _, err := Bool().Decode([]byte{2}); err == nil {
		t.Error("2 is no bool")
	}
	for _, text := range []string{
		"123e4567-e89b-12d3-a456-42661417400g", "123e4567_e89b-12d3-a456-426614174000",
		"123e45678e89b-12d3-a456-42661417400-", "{123e4567-e89b-12d3-a456-4266141740}",
	} {
		if v, err := UUID().Decode([]byte(text)); err == nil {
			t.Errorf("%q is the UUID %x", text, v)
		}
	}
	upper, err := UUID().Decode([]byte("123E4567-E89B-12D3-A456-426614174ABC"))
	if err != nil || upper[15] != 0xbc {
		t.Errorf("upper case: %x, %v", upper, err)
	}
}

// Every basic type has a standard serde, and it is the one that is named after it.
func TestStandard(t *testing.T) {
	t.Run("string", standard("k", "6b"))
	t.Run("bytes", standard([]byte("k"), "6b"))
	t.Run("bool", standard(true, "01"))
	t.Run("int32", standard(int32(1), "00000001"))
	t.Run("int64", standard(int64(1), "0000000000000001"))
	t.Run("float32", standard(float32(1), "3f800000"))
	t.Run("float64", standard(float64(1), "3ff0000000000000"))
	zeroUUID := hex.EncodeToString([]byte("00000000-0000-0000-0000-000000000000"))
	t.Run("uuid", standard([16]byte{}, zeroUUID))
	t.Run("null string", standard(record.Valid("k"), "6b"))
	t.Run("null bool", standard(record.Valid(true), "01"))
	t.Run("null int32", standard(record.Valid(int32(1)), "00000001"))
	t.Run("null int64", standard(record.Valid(int64(1)), "0000000000000001"))
	t.Run("null float32", standard(record.Valid(float32(1)), "3f800000"))
	t.Run("null float64", standard(record.Valid(float64(1)), "3ff0000000000000"))
	t.Run("null uuid", standard(record.Valid([16]byte{}), zeroUUID))
	type named string
	if _, ok := Standard[named](); ok {
		t.Error("a named string has a standard serde")
	}
	if _, ok := Standard[view](); ok {
		t.Error("a struct has a standard serde")
	}
	if _, ok := Standard[any](); ok {
		t.Error("any has a standard serde")
	}
}

func standard[T any](value T, want string) func(*testing.T) {
	return func(t *testing.T) {
		s, ok := Standard[T]()
		if !ok {
			t.Fatal("none")
		}
		if got, err := s.Append(nil, value); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%v is %x, %v; want %s", value, got, err, want)
		}
	}
}
