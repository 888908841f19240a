package check

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/bench/internal/broker"
	"github.com/pitwheel/pitwheel/bench/internal/data"
)

const (
	partitions = 2
	windowMs   = 60_000
	base       = 1_700_000_040_000 // a window's start
)

// in is an input record of the tests.
type in struct {
	id     uint64
	amount int
	at     int64 // ms after base
}

// inputs has a record that passthrough drops (3), one that is late (5), and two equal amounts (0 and 4).
var inputs = []in{{1, 123_457, 0}, {2, 200_001, 10}, {1, 100_003, 20}, {3, 500_000, 30}, {1, 123_457, 70_000}, {1, 900_001, 40}}

func (r in) record(seq int) *kgo.Record {
	key, value := make([]byte, data.KeyLen), make([]byte, data.ValueLen)
	data.PutKey(key, r.id)
	data.PutValue(value, data.FirstSeq+int64(seq), r.amount, []byte("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"))
	return &kgo.Record{Key: key, Value: value, Timestamp: time.UnixMilli(base + r.at), Partition: data.Partition(key, partitions)}
}

// checked runs the oracle over the inputs and an output.
func checked(t *testing.T, p Params, output []*kgo.Record) *Report {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	p.Brokers, p.Input, p.Output, p.WindowMs = cluster.ListenAddrs()[0], "in", "out", windowMs
	client, err := kgo.NewClient(broker.Brokers(p.Brokers), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var all []*kgo.Record
	for i, r := range inputs {
		rec := r.record(i)
		rec.Topic = p.Input
		all = append(all, rec)
	}
	for _, r := range output {
		r.Topic, r.Partition = p.Output, data.Partition(r.Key[:data.KeyLen], partitions)
		all = append(all, r)
	}
	if err := client.ProduceSync(t.Context(), all...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// counted is an output of count.
func counted(id uint64, window, n int64) *kgo.Record {
	var key [data.KeyLen]byte
	data.PutKey(key[:], id)
	r := &kgo.Record{Key: make([]byte, data.WindowedKeyLen), Value: binary.BigEndian.AppendUint64(nil, uint64(n))}
	data.PutWindowedKey(r.Key, key[:], base+window*windowMs)
	return r
}

// passed is what passthrough makes of input i.
func passed(i int) *kgo.Record {
	r := inputs[i].record(i)
	data.Flagged(r.Value, slices.Clone(r.Value))
	return &kgo.Record{Key: r.Key, Value: r.Value}
}

// highest is input i as an output of reduce.
func highest(i int) *kgo.Record {
	r := inputs[i].record(i)
	return &kgo.Record{Key: r.Key, Value: r.Value}
}

// altered has another letter in its note.
func altered(r *kgo.Record) *kgo.Record {
	r.Value[60] ^= 1
	return r
}

// TestOracleSeesWhatIsWrong has a right output of each workload, and with it each way of being wrong. Keys 1 and 3 share
// a partition or not, as murmur2 has it: only key 1's own records make the last one late.
func TestOracleSeesWhatIsWrong(t *testing.T) {
	counts := func(more ...*kgo.Record) []*kgo.Record {
		return append([]*kgo.Record{counted(1, 0, 1), counted(1, 0, 2), counted(2, 0, 1), counted(3, 0, 1), counted(1, 1, 1)}, more...)
	}
	passes := func(more ...*kgo.Record) []*kgo.Record {
		return append([]*kgo.Record{passed(0), passed(1), passed(2), passed(4), passed(5)}, more...)
	}
	reduces := func(more ...*kgo.Record) []*kgo.Record {
		return append([]*kgo.Record{highest(0), highest(1), highest(3), highest(5)}, more...)
	}
	tests := []struct {
		name   string
		p      Params
		output []*kgo.Record
		want   Report // of Lost, Duplicated, Malformed, Backwards
	}{
		{"right counts", Params{Workload: "count"}, counts(), Report{}},
		{"a count is lost", Params{Workload: "count"}, counts()[:4], Report{Lost: 1}},
		{"a count is too low", Params{Workload: "count"}, counts(counted(1, 0, 1)), Report{Lost: 1, Backwards: 1}},
		{"a record was counted twice", Params{Workload: "count"}, counts(counted(2, 0, 2)), Report{Duplicated: 1}},
		{"the late record was counted", Params{Workload: "count"}, counts(counted(1, 0, 3)), Report{Duplicated: 1}},
		{"a key that is not there", Params{Workload: "count"}, counts(counted(9, 0, 1)), Report{Duplicated: 1}},
		{"a count that is none", Params{Workload: "count"}, counts(passed(0)), Report{Malformed: 1}},
		{"counts on close", Params{Workload: "count", EmitClose: true}, counts()[1:4], Report{}},
		{"a closed count is lost", Params{Workload: "count", EmitClose: true}, counts()[2:4], Report{Lost: 2}},
		{"right records", Params{Workload: "passthrough"}, passes(), Report{}},
		{"a record is lost", Params{Workload: "passthrough"}, passes()[1:], Report{Lost: 1}},
		{"a record comes twice", Params{Workload: "passthrough"}, passes(passed(5)), Report{Duplicated: 1, Backwards: 1}},
		{"a record that was to be dropped", Params{Workload: "passthrough"}, passes(passed(3)), Report{Duplicated: 1}},
		{"a record is altered", Params{Workload: "passthrough"}, append(passes()[:4], altered(passed(5))), Report{Malformed: 1}},
		{"a record was not mapped", Params{Workload: "passthrough"}, append(passes()[:4], highest(5)), Report{Malformed: 1}},
		{"right values", Params{Workload: "reduce"}, reduces(), Report{}},
		{"a key's value is lost", Params{Workload: "reduce"}, reduces()[:3], Report{Lost: 1}},
		{"a value goes back", Params{Workload: "reduce"}, reduces(highest(0)), Report{Lost: 1, Backwards: 1}},
		{"a value is altered", Params{Workload: "reduce"}, reduces(altered(highest(5))), Report{Lost: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := checked(t, tt.p, tt.output)
			got := Report{Lost: r.Lost, Duplicated: r.Duplicated, Malformed: r.Malformed, Backwards: r.Backwards}
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if r.OK() != (tt.want.Lost+tt.want.Duplicated+tt.want.Malformed == 0) {
				t.Errorf("OK is %v for %+v", r.OK(), got)
			}
			if r.Input != int64(len(inputs)) || r.Output != int64(len(tt.output)) {
				t.Errorf("read %d and %d records, want %d and %d", r.Input, r.Output, len(inputs), len(tt.output))
			}
		})
	}
}

// TestOracleBreaksTiesByAge: of two equal amounts the older is right.
func TestOracleBreaksTiesByAge(t *testing.T) {
	before := inputs
	defer func() { inputs = before }()
	inputs = []in{{1, 123_457, 0}, {1, 123_457, 10}}
	if r := checked(t, Params{Workload: "reduce"}, []*kgo.Record{highest(0)}); !r.OK() {
		t.Errorf("the older: %+v", r)
	}
	if r := checked(t, Params{Workload: "reduce"}, []*kgo.Record{highest(1)}); r.Lost != 1 {
		t.Errorf("the younger: %+v, want it lost", r)
	}
}
