package processor

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

var stringSink = SinkConfig[string, string]{Key: serde.String(), Value: serde.String()}

func TestSinkEncodesAndChoosesThePartition(t *testing.T) {
	var h fakeHost
	out := &Topic{Name: "out", Partitions: 12}
	pipe(t, Sink(h.step("sink"), out, stringSink),
		record.New("foobar", "v", 5).WithHeaders(headers),
		record.New("", "", 6),
		record.New("", "v", 7).WithoutKey(),
		record.New("k", "", 8).AsTombstone())
	want := []Output{
		{
			Topic: out, Partition: PartitionOf([]byte("foobar"), 12),
			Key: []byte("foobar"), Value: []byte("v"), Time: 5, Headers: headers,
		},
		{Topic: out, Partition: PartitionOf(nil, 12), Key: []byte{}, Value: []byte{}, Time: 6},
		{Topic: out, Partition: -1, Value: []byte("v"), Time: 7},
		{Topic: out, Partition: PartitionOf([]byte("k"), 12), Key: []byte("k"), Time: 8},
	}
	if diff := cmp.Diff(want, h.outputs.Records); diff != "" {
		t.Errorf("put out (-want +got):\n%s", diff)
	}
	wantReasons(t, &h)
}

// All windows of a key go to the key's partition. Kafka: WindowedStreamPartitioner.
func TestWindowedKeyGoesToItsInnerKeysPartition(t *testing.T) {
	w := windowing.Tumbling(10 * time.Second)
	inner := serde.String()
	var h fakeHost
	emit := Sink(h.step("sink"), &Topic{Name: "out", Partitions: 1000},
		SinkConfig[windowing.Key[string], string]{Key: w.KeySerde(inner), Value: inner})
	for start := record.Time(0); start < 50_000; start += 10_000 {
		pipe(t, emit, record.New(windowing.Key[string]{Key: "foobar", Start: start}, "v", 1))
	}
	for _, r := range h.outputs.Records {
		if want := PartitionOf([]byte("foobar"), 1000); r.Partition != want {
			t.Errorf("partition %d, want %d", r.Partition, want)
		}
	}
}

// A key type that may be null makes no difference.
func TestNullableWindowedKeyGoesToItsInnerKeysPartition(t *testing.T) {
	type key = serde.Null[windowing.Key[string]]
	var h fakeHost
	inner := windowing.Tumbling(10 * time.Second).KeySerde(serde.String())
	emit := Sink(h.step("sink"), &Topic{Name: "out", Partitions: 1000},
		SinkConfig[key, string]{Key: serde.Nullable(inner), Value: serde.String()})
	pipe(t, emit, record.New(record.Valid(windowing.Key[string]{Key: "foobar", Start: 10_000}), "v", 1))
	if got, want := h.outputs.Records[0].Partition, PartitionOf([]byte("foobar"), 1000); got != want {
		t.Errorf("partition %d, want %d", got, want)
	}
}

func TestPartitionerChooses(t *testing.T) {
	var h fakeHost
	c := stringSink
	c.Partitioner = func(k, v string, n int) int { return (len(k) + len(v)) % n }
	pipe(t, Sink(h.step("sink"), &Topic{Name: "out", Partitions: 4}, c),
		record.New("k", "v", 1), record.New("kk", "v", 1))
	if got := []int32{h.outputs.Records[0].Partition, h.outputs.Records[1].Partition}; !cmp.Equal(got, []int32{2, 3}) {
		t.Errorf("partitions %v, want 2, 3", got)
	}
}

func TestSinkFailures(t *testing.T) {
	fails := serde.Func(func(dst []byte, _ string) ([]byte, error) { return append(dst, "half"...), errBelow }, nil)
	panics := serde.Func(func([]byte, string) ([]byte, error) { panic("boom") }, nil)
	with := func(change func(c *SinkConfig[string, string])) SinkConfig[string, string] {
		c := stringSink
		change(&c)
		return c
	}
	tests := map[string]struct {
		give       SinkConfig[string, string]
		partitions int32
		err        string
	}{
		"key does not encode":   {with(func(c *SinkConfig[string, string]) { c.Key = fails }), 4, `key for topic "out"`},
		"value does not encode": {with(func(c *SinkConfig[string, string]) { c.Value = fails }), 4, `value for topic "out"`},
		"serde panics":          {with(func(c *SinkConfig[string, string]) { c.Value = panics }), 4, "boom"},
		"partition too high": {
			with(func(c *SinkConfig[string, string]) { c.Partitioner = func(string, string, int) int { return 4 } }),
			4, `partition 4 of topic "out", which has 4`,
		},
		"partition negative": {
			with(func(c *SinkConfig[string, string]) { c.Partitioner = func(string, string, int) int { return -1 } }),
			4, "partition -1",
		},
		"partitions unknown": {stringSink, 0, "not known"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var h fakeHost
			emit := Sink(h.step("sink"), &Topic{Name: "out", Partitions: tt.partitions}, tt.give)
			pipe(t, emit, record.New("k", "v", 1))
			wantReasons(t, &h, Encode)
			if !strings.Contains(h.failed[0].Err.Error(), tt.err) {
				t.Errorf("error %q does not say %q", h.failed[0].Err, tt.err)
			}
			if len(h.outputs.Records) != 0 {
				t.Errorf("put out %v", h.outputs.Records)
			}
		})
	}
}

func TestDynamicSinkChoosesTheTopic(t *testing.T) {
	var h fakeHost
	topics := map[string]*Topic{"a": {Name: "a", Partitions: 1}, "b": {Name: "b", Partitions: 1}}
	var bound []string
	c := stringSink
	c.Value = boundSerde{serde.String(), &bound}
	emit := DynamicSink(h.step("sink"), func(k, _ string) string { return k },
		func(name string) *Topic { return topics[name] }, c)
	pipe(t, emit, record.New("a", "1", 1), record.New("b", "2", 2), record.New("a", "3", 3), record.New("x", "4", 4))
	var got []string
	for _, r := range h.outputs.Records {
		got = append(got, r.Topic.Name+" "+string(r.Value))
	}
	if diff := cmp.Diff([]string{"a 1", "b 2", "a 3"}, got); diff != "" {
		t.Errorf("put out (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a value", "b value"}, bound); diff != "" {
		t.Errorf("bound (-want +got):\n%s", diff)
	}
	wantReasons(t, &h, Encode)
	if !strings.Contains(h.failed[0].Err.Error(), `"x"`) {
		t.Errorf("error %q does not name the topic", h.failed[0].Err)
	}
}

// Whatever the sizes, and whatever fails in between, what stands in the outputs is not written
// over.
func TestOutputsAreNeverWrittenOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h fakeHost
		failing := serde.Func(func(dst, v []byte) ([]byte, error) {
			dst = append(dst, v...)
			if len(v) > 0 && v[0] == 0 {
				return dst, errBelow
			}
			return dst, nil
		}, nil)
		emit := Sink(h.step("sink"), &Topic{Name: "out", Partitions: 1},
			SinkConfig[[]byte, []byte]{Key: serde.Bytes(), Value: failing})
		var want [][2][]byte
		for range rapid.IntRange(1, 60).Draw(t, "records") {
			size := rapid.SampledFrom([]int{0, 1, 10, 500, 2000, outputChunk - 600, outputChunk, 3 * outputChunk})
			key := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 1).Draw(t, "k"), size.Draw(t, "key size"))
			value := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 1).Draw(t, "v"), size.Draw(t, "value size"))
			r := record.New(key, value, 1)
			if err := emit(&r); err != nil {
				t.Fatal(err)
			}
			if len(value) == 0 || value[0] != 0 {
				want = append(want, [2][]byte{key, value})
			}
		}
		if len(h.outputs.Records) != len(want) {
			t.Fatalf("%d records put out, want %d", len(h.outputs.Records), len(want))
		}
		for i, r := range h.outputs.Records {
			if !bytes.Equal(r.Key, want[i][0]) || !bytes.Equal(r.Value, want[i][1]) {
				t.Fatalf("record %d was written over", i)
			}
			if cap(r.Key) != len(r.Key) || cap(r.Value) != len(r.Value) {
				t.Fatalf("record %d can be appended to over its neighbour", i)
			}
		}
	})
}
