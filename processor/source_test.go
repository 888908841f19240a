package processor

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

func stringSource(h *fakeHost, c SourceConfig[string, string], next Emit[string, string]) Source {
	c.Key, c.Value = serde.String(), serde.String()
	return NewTypedSource(h.step("source"), c, next)("in")
}

// load loads a record and emits it if it was not dropped.
func load(t *testing.T, s Source, raw record.Raw, partitionTime record.Time) (record.Time, bool) {
	t.Helper()
	at, ok, err := s.Load(&raw, partitionTime)
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		if err := s.Emit(); err != nil {
			t.Fatal(err)
		}
	}
	return at, ok
}

func TestSourceDecodes(t *testing.T) {
	var h fakeHost
	var got collected[string, string]
	s := stringSource(&h, SourceConfig[string, string]{}, got.emit)
	for _, raw := range []record.Raw{
		{Key: []byte("k"), Value: []byte("v"), Time: 5, Headers: headers},
		{Key: []byte{}, Value: []byte{}, Time: 0},
		{Time: math.MaxInt64},
	} {
		if at, ok := load(t, s, raw, -1); !ok || at != raw.Time {
			t.Errorf("loaded %v at %d, want at %d", ok, at, raw.Time)
		}
	}
	got.want(t,
		record.New("k", "v", 5).WithHeaders(headers),
		record.New("", "", 0),
		record.New("", "", math.MaxInt64).WithoutKey().AsTombstone())
	wantReasons(t, &h)
}

// Two partitions of a task hold their head records apart.
func TestSourcesOfATaskAreApart(t *testing.T) {
	var h fakeHost
	var got collected[string, string]
	sources := NewTypedSource(h.step("source"), SourceConfig[string, string]{
		Key: serde.String(), Value: serde.String(),
	}, got.emit)
	first, second := sources("in"), sources("in")
	for i, s := range []Source{first, second} {
		if _, ok, err := s.Load(&record.Raw{Key: []byte{'a' + byte(i)}, Value: []byte("v")}, -1); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if err := errors.Join(second.Emit(), first.Emit()); err != nil {
		t.Fatal(err)
	}
	got.want(t, record.New("b", "v", 0), record.New("a", "v", 0))
}

func TestSourceDoesNotAskTheSerdeForNull(t *testing.T) {
	var h fakeHost
	var got collected[string, string]
	asked := serde.Func(nil, func([]byte) (string, error) {
		t.Error("the serde was asked")
		return "", nil
	})
	s := NewTypedSource(h.step("source"), SourceConfig[string, string]{Key: asked, Value: asked}, got.emit)("in")
	load(t, s, record.Raw{}, -1)
	got.want(t, record.New("", "", 0).WithoutKey().AsTombstone())
}

// JSON's null is bytes, and null once it is decoded.
func TestSourceTakesDecodedNullsForNull(t *testing.T) {
	var h fakeHost
	var got collected[*int, map[string]int]
	s := NewTypedSource(h.step("source"), SourceConfig[*int, map[string]int]{
		Key: serde.JSON[*int](), Value: serde.JSON[map[string]int](),
	}, got.emit)("in")
	load(t, s, record.Raw{Key: []byte("null"), Value: []byte("null")}, -1)
	if len(got.records) != 1 || got.records[0].HasKey() || !got.records[0].IsTombstone() {
		t.Errorf("got %v, want null = null", got.records)
	}
}

// boundSerde notes what it is bound to.
type boundSerde struct {
	serde.Serde[string]
	bound *[]string
}

func (b boundSerde) Bind(topic string, part serde.Part) serde.Serde[string] {
	*b.bound = append(*b.bound, topic+" "+part.String())
	return b.Serde
}

func TestSerdesAreBoundToTheTopic(t *testing.T) {
	var h fakeHost
	var bound []string
	s := boundSerde{serde.String(), &bound}
	sources := NewTypedSource(h.step("source"), SourceConfig[string, string]{Key: s, Value: s},
		func(*record.Record[string, string]) error { return nil })
	sources("a")
	sources("b")
	Sink(h.step("sink"), &Topic{Name: "c", Partitions: 1}, SinkConfig[string, string]{Key: s, Value: s})
	if diff := cmp.Diff([]string{"a key", "a value", "b key", "b value", "c key", "c value"}, bound); diff != "" {
		t.Errorf("bound (-want +got):\n%s", diff)
	}
}

func TestSourceFailures(t *testing.T) {
	type config = SourceConfig[string, string]
	good := record.Raw{Key: []byte("k"), Value: []byte("v"), Time: 5}
	tests := map[string]struct {
		give   config
		raw    record.Raw
		reason Reason
		err    string
	}{
		"Kafka's time is missing": {config{}, record.Raw{Time: -1}, NegativeTime, "-1"},
		"zero event time": {
			config{EventTime: func(string, string) time.Time { return time.Time{} }},
			good, NegativeTime, "zero time",
		},
		"event time before the epoch": {
			config{EventTime: func(string, string) time.Time { return time.UnixMilli(-7) }},
			good, NegativeTime, "-7",
		},
		"event time panics": {
			config{EventTime: func(string, string) time.Time { panic("boom") }},
			good, Process, "boom",
		},
		"timestamp is negative": {
			config{Timestamp: func(record.Record[string, string], record.Time) record.Time { return -3 }},
			good, NegativeTime, "-3",
		},
		"timestamp panics": {
			config{Timestamp: func(record.Record[string, string], record.Time) record.Time { panic("boom") }},
			good, Process, "boom",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var h fakeHost
			var got collected[string, string]
			s := stringSource(&h, tt.give, got.emit)
			if _, ok := load(t, s, tt.raw, -1); ok {
				t.Error("the record was loaded")
			}
			wantReasons(t, &h, tt.reason)
			if !strings.Contains(h.failed[0].Err.Error(), tt.err) {
				t.Errorf("error %q does not say %q", h.failed[0].Err, tt.err)
			}
			got.want(t)

			h.fatal = errFatal
			if _, ok, err := s.Load(&tt.raw, -1); ok || err != errFatal {
				t.Errorf("a policy's error came back as %v, %v", ok, err)
			}
		})
	}
}

func TestSourceDecodeErrorsNameTheHalf(t *testing.T) {
	broken := serde.Func(nil, func(data []byte) (int64, error) {
		if len(data) == 1 {
			panic("boom")
		}
		return 0, errBelow
	})
	good := serde.Func(nil, func([]byte) (int64, error) { return 1, nil })
	tests := map[string]struct {
		key, value serde.Serde[int64]
		data       string
		reason     Reason
		err        []string
	}{
		"key":         {broken, good, "abc", DecodeKey, []string{"key of 3 bytes", "int64", "below"}},
		"value":       {good, broken, "abc", DecodeValue, []string{"value of 3 bytes", "int64", "below"}},
		"key panic":   {broken, good, "a", DecodeKey, []string{"boom"}},
		"value panic": {good, broken, "a", DecodeValue, []string{"boom"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var h fakeHost
			var got collected[int64, int64]
			s := NewTypedSource(h.step("source"),
				SourceConfig[int64, int64]{Key: tt.key, Value: tt.value}, got.emit)("in")
			load(t, s, record.Raw{Key: []byte(tt.data), Value: []byte(tt.data)}, -1)
			wantReasons(t, &h, tt.reason)
			for _, part := range tt.err {
				if !strings.Contains(h.failed[0].Err.Error(), part) {
					t.Errorf("error %q does not say %q", h.failed[0].Err, part)
				}
			}
			got.want(t)
		})
	}
}

func TestTimestampSeesTheRecordAndThePartitionsTime(t *testing.T) {
	var h fakeHost
	var got collected[string, string]
	raw := record.Raw{Key: []byte("k"), Value: []byte("v"), Time: -1, Headers: headers}
	s := stringSource(&h, SourceConfig[string, string]{
		Timestamp: func(r record.Record[string, string], partitionTime record.Time) record.Time {
			if want := record.New("k", "v", -1).WithHeaders(headers); !r.Equal(want) {
				t.Errorf("Timestamp saw %v, want %v", r, want)
			}
			return partitionTime + 1
		},
	}, got.emit)
	if at, ok := load(t, s, raw, 41); !ok || at != 42 {
		t.Errorf("loaded %v at %d, want at 42", ok, at)
	}
	got.want(t, record.New("k", "v", 42).WithHeaders(headers))
}

func TestEventTimeIsTheRecordsTime(t *testing.T) {
	var h fakeHost
	var got collected[string, string]
	s := stringSource(&h, SourceConfig[string, string]{
		EventTime: func(_, v string) time.Time {
			at, err := time.Parse(time.RFC3339Nano, v)
			if err != nil {
				panic(err)
			}
			return at
		},
	}, got.emit)
	load(t, s, record.Raw{Key: []byte("k"), Value: []byte("1970-01-01T00:00:01.2349Z"), Time: 99}, -1)
	got.want(t, record.New("k", "1970-01-01T00:00:01.2349Z", 1234))
}
