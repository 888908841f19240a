package windowing

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// Java's TimeWindowedSerializer writes the key and the start; the end is not written.
func TestWindowedKeyIsJavas(t *testing.T) {
	s := Tumbling(10 * time.Second).KeySerde(serde.String())
	for want, key := range map[string]Key[string]{
		"61" + "0000000000004e20":                            {"a", 20_000, 30_000},
		"0000000000000000":                                   {"", 0, 10_000},
		hex.EncodeToString([]byte("ä")) + "7fffffffffffffff": {"ä", math.MaxInt64, math.MaxInt64},
	} {
		got, err := s.Append(nil, key)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%v is %x, %v; want %s", key, got, err, want)
		}
		if back, err := s.Decode(got); err != nil || back != key {
			t.Errorf("%x is %v, %v; want %v", got, back, err, key)
		}
	}
}

func TestWindowedKeyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWindows(t)
		s := w.KeySerde(serde.Bytes())
		inner := rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		start := record.Time(rapid.Int64Min(0).Draw(t, "start"))
		data, err := s.Append([]byte("before"), Key[[]byte]{inner, start, End(start, w.Size())})
		if err != nil || !bytes.HasPrefix(data, []byte("before")) {
			t.Fatalf("%q, %v", data, err)
		}
		data = data[len("before"):]
		if got := s.(serde.PartitionKeyer).PartitionKey(data); !bytes.Equal(got, inner) {
			t.Fatalf("partitioned by %x, want the inner key %x", got, inner)
		}
		got, err := s.Decode(data)
		if err != nil || !bytes.Equal(got.Key, inner) || got.Start != start || got.End != End(start, w.Size()) {
			t.Fatalf("got %v, %v; want %x from %d", got, err, inner, start)
		}
	})
}

// Java's SessionWindowedSerializer writes the key, the end and the start.
func TestSessionKeyIsJavas(t *testing.T) {
	s := Session(10 * time.Second).KeySerde(serde.String())
	for want, key := range map[string]Key[string]{
		"61" + "0000000000007530" + "0000000000004e20":                            {"a", 20_000, 30_000},
		"0000000000000000" + "0000000000000000":                                   {"", 0, 0},
		hex.EncodeToString([]byte("ä")) + "7fffffffffffffff" + "0000000000000000": {"ä", 0, math.MaxInt64},
	} {
		got, err := s.Append(nil, key)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%v is %x, %v; want %s", key, got, err, want)
		}
		if back, err := s.Decode(got); err != nil || back != key {
			t.Errorf("%x is %v, %v; want %v", got, back, err, key)
		}
		if inner := s.(serde.PartitionKeyer).PartitionKey(got); string(inner) != key.Key {
			t.Errorf("partitioned by %q, want the inner key %q", inner, key.Key)
		}
	}
	for name, data := range map[string][]byte{
		"too short":             make([]byte, 15),
		"ends before it starts": append(append(make([]byte, 7), 1), append(make([]byte, 7), 2)...),
		"a negative start":      append(make([]byte, 8), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
	} {
		if k, err := s.Decode(data); err == nil {
			t.Errorf("%s: %x is %v", name, data, k)
		}
	}
	var to string
	bound := serde.Bind(Session(ms).KeySerde[string](boundString{serde.String(), &to}), "out", serde.Key)
	if _, ok := bound.(serde.PartitionKeyer); !ok || to != "out key" {
		t.Errorf("bound to %q, chooses the partition: %v", to, ok)
	}
}

// One key's windows lie in the order of their starts.
func TestWindowedKeysOfOneKeySortByStart(t *testing.T) {
	s := Tumbling(ms).KeySerde(serde.String())
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Min(0).Draw(t, "a"), rapid.Int64Min(0).Draw(t, "b")
		left, err := s.Append(nil, Key[string]{Key: "k", Start: record.Time(a)})
		if err != nil {
			t.Fatal(err)
		}
		right, err := s.Append(nil, Key[string]{Key: "k", Start: record.Time(b)})
		if err != nil {
			t.Fatal(err)
		}
		if (bytes.Compare(left, right) < 0) != (a < b) {
			t.Fatalf("%x and %x do not sort as %d and %d", left, right, a, b)
		}
	})
}

func TestMalformedWindowedKeyIsAnError(t *testing.T) {
	s := Tumbling(ms).KeySerde(serde.Int64())
	for name, data := range map[string][]byte{
		"no start":         []byte("1234567"),
		"nothing":          {},
		"no key":           make([]byte, 8),
		"half a key":       make([]byte, 12),
		"a negative start": append(make([]byte, 8), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
	} {
		if k, err := s.Decode(data); err == nil {
			t.Errorf("%s: %x is %v", name, data, k)
		}
	}
}

var errInner = errors.New("inner")

func TestWindowedKeyKeepsTheInnerError(t *testing.T) {
	fails := serde.Func(
		func(dst []byte, _ string) ([]byte, error) { return dst, errInner },
		func([]byte) (string, error) { return "", errInner },
	)
	s := Tumbling(ms).KeySerde(fails)
	if _, err := s.Append(nil, Key[string]{}); !errors.Is(err, errInner) {
		t.Errorf("Append: %v", err)
	}
	if _, err := s.Decode(make([]byte, 8)); !errors.Is(err, errInner) {
		t.Errorf("Decode: %v", err)
	}
}

// boundString notes what it is bound to.
type boundString struct {
	serde.Serde[string]
	to *string
}

func (b boundString) Bind(topic string, part serde.Part) serde.Serde[string] {
	*b.to = topic + " " + part.String()
	return b.Serde
}

func TestWindowedKeyBindsTheInnerSerde(t *testing.T) {
	var to string
	s := serde.Bind(Tumbling(ms).KeySerde[string](boundString{serde.String(), &to}), "out", serde.Key)
	if to != "out key" {
		t.Errorf("bound to %q", to)
	}
	if _, ok := s.(serde.PartitionKeyer); !ok {
		t.Error("the bound serde does not choose the partition")
	}
}
