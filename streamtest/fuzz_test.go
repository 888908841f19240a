package streamtest_test

import (
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

// fuzzed is a value that JSON decodes.
type fuzzed struct {
	Name  string
	Deep  *fuzzed
	Many  map[string][]float64
	Bytes []byte
}

// copies reads each kind of value from a topic of its own, and writes it on.
func copies(b *topology.Builder) (topics []string) {
	add := func(name string, to func(in, out string)) {
		topics = append(topics, name)
		to(name, name+"-out")
	}
	add("ints", func(in, out string) {
		b.Stream(topology.NewTopic(in, serde.Int64(), serde.Int32())).To(topology.NewTopic(out, serde.Int64(), serde.Int32()))
	})
	add("texts", func(in, out string) {
		b.Stream(topology.NewTopic(in, serde.String(), serde.Bool())).To(topology.NewTopic(out, serde.String(), serde.Bool()))
	})
	add("objects", func(in, out string) {
		b.Stream(topology.NewTopic(in, serde.UUID(), serde.JSON[fuzzed]())).To(topology.NewTopic(out, serde.UUID(), serde.JSON[fuzzed]()))
	})
	add("floats", func(in, out string) {
		b.Stream(topology.NewTopic(in, serde.Float32(), serde.Nullable(serde.Float64()))).
			To(topology.NewTopic(out, serde.Float32(), serde.Nullable(serde.Float64())))
	})
	return topics
}

// FuzzUndecodableBytes pipes any bytes through sources of every kind and their error policies. Whatever
// they are, the app goes on, and each record is written or has one reason and one dead letter.
func FuzzUndecodableBytes(f *testing.F) {
	for _, seed := range [][2][]byte{
		{nil, nil}, {{}, {}}, {[]byte("key"), []byte("value")}, {make([]byte, 8), make([]byte, 4)}, {make([]byte, 16), []byte(`{"Name":"x","Deep":{"Many":{"a":[1]}}}`)},
		{[]byte("\xff\xfe"), []byte{1}}, {make([]byte, 4), make([]byte, 8)}, {make([]byte, 16), []byte(`{"Deep":`)}, {make([]byte, 16), []byte(`null`)},
	} {
		f.Add(seed[0], seed[1], int64(5), seed[0] == nil, seed[1] == nil)
	}
	f.Add([]byte("k"), []byte("v"), int64(-1), false, false)
	f.Fuzz(func(t *testing.T, key, value []byte, at int64, noKey, noValue bool) {
		if noKey {
			key = nil
		}
		if noValue {
			value = nil
		}
		b := topology.NewBuilder()
		topics := copies(b)
		plan, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		d := streamtest.New(t, plan, policies(topology.DeadLetter("dead")))
		letters := d.Output(streamtest.RawTopic("dead"))
		for _, topic := range topics {
			before := d.DroppedTotal()
			in := record.New(key, value, record.Time(at))
			if err := d.Input(streamtest.RawTopic(topic)).TryPipeRecord(in); err != nil {
				t.Fatalf("topic %s: the app has stopped: %v", topic, err)
			}
			written, dropped := len(d.Written(topic+"-out")), d.DroppedTotal()-before
			if written+dropped != 1 {
				t.Errorf("topic %s: %d written, %d dropped", topic, written, dropped)
			}
			letter, dead := letters.Next()
			if dead != (dropped == 1) {
				t.Errorf("topic %s: %d dropped, dead letter: %v", topic, dropped, dead)
			}
			if dead && !letter.Equal(in.WithHeaders(letter.Headers())) {
				t.Errorf("topic %s: the dead letter of %v is %v", topic, in, letter)
			}
		}
	})
}
