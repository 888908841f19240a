package streamtest_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

// The partitions are those that org.apache.kafka.common.utils.Utils.murmur2 gives, by the hashes
// in its test.
func TestKeysArePartitionedAsByKafka(t *testing.T) {
	d := streamtest.New(t, build(t, upper), streamtest.Partitions(3))
	for key, hash := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "abc": 479470107,
	} {
		d.Input(in).Pipe(key, "v", 0)
		all := d.Written("out")
		if got, want := all[len(all)-1].Partition, hash&0x7fffffff%3; got != want {
			t.Errorf("key %q went to partition %d, want %d", key, got, want)
		}
	}
}

func TestAKeyStaysInItsPartition(t *testing.T) {
	d := streamtest.New(t, build(t, func(b *topology.Builder) { countValues(b) }), streamtest.Partitions(4))
	for n := range 100 {
		d.Input(in).Pipe("k"+strconv.Itoa(n), "v"+strconv.Itoa(n%20), 0)
	}
	at := map[string]int32{}
	used := map[int32]bool{}
	for _, topic := range []string{"app-by-value-repartition", "app-seen-changelog", "counts"} {
		for _, w := range d.Written(topic) {
			used[w.Partition] = true
			if p, ok := at[string(w.Key)]; ok && p != w.Partition {
				t.Fatalf("key %q is in partitions %d and %d", w.Key, p, w.Partition)
			}
			at[string(w.Key)] = w.Partition
		}
	}
	if len(used) != 4 {
		t.Errorf("only the partitions %v were used", used)
	}
	for _, r := range d.Output(counts).All()[80:] {
		if r.Value() != 5 {
			t.Errorf("the last count of %s is %d, want 5", r.Key(), r.Value())
		}
	}
}

// What groups behind a repartition topic is where its partitioner puts it.
func TestRepartitionByChoosesThePartition(t *testing.T) {
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		byLength := func(_, v string, partitions int) int { return len(v) % partitions }
		b.Stream(in).Map(func(_, v string) (string, string) { return v, v }).
			RepartitionBy(byLength, topology.Name("by-length"), topology.Partitions(3)).
			GroupByKey().Count(topology.As("seen")).ToStream().To(counts)
	}))
	for _, v := range []string{"", "a", "bb", "a", "ccc", "bb", "a"} {
		d.Input(in).Pipe("k", v, 0)
	}
	written := append(d.Written("app-by-length-repartition"), d.Written("app-seen-changelog")...)
	if len(written) != 14 {
		t.Fatalf("%d records were written, want 7 and their changelog", len(written))
	}
	for _, w := range written {
		if got, want := w.Partition, int32(len(w.Key)%3); got != want {
			t.Errorf("key %q went to partition %d, want %d", w.Key, got, want)
		}
	}
	last := map[string]int64{}
	for _, r := range d.Output(counts).All() {
		last[r.Key()] = r.Value()
	}
	if want := map[string]int64{"": 1, "a": 3, "bb": 2, "ccc": 1}; !maps.Equal(last, want) {
		t.Errorf("counted %v, want %v", last, want)
	}
}

// A repartition topic has as many partitions as the widest topic before it, or as it says itself,
// and what stands behind goes by that.
func TestRepartitionTopicsAreAsWideAsInKafka(t *testing.T) {
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		b.Stream(in).Repartition(topology.Name("asked"), topology.Partitions(7)).
			SelectKey(func(_, v string) string { return v }).
			Repartition(topology.Name("behind")).
			To(out)
		b.Stream(in).Repartition(topology.Name("default")).To(out)
	}), streamtest.Partitions(2))
	for n := range 200 {
		d.Input(in).Pipe("k"+strconv.Itoa(n), "v"+strconv.Itoa(n), 0)
	}
	for topic, want := range map[string]int{
		"app-asked-repartition": 7, "app-behind-repartition": 7, "app-default-repartition": 2, "out": 2,
	} {
		used := map[int32]bool{}
		for _, w := range d.Written(topic) {
			used[w.Partition] = true
		}
		if len(used) != want {
			t.Errorf("%s has records in %d partitions, want %d", topic, len(used), want)
		}
	}
}

func TestRecordsWithoutKeyGoRound(t *testing.T) {
	d := streamtest.New(t, build(t, func(b *topology.Builder) { b.Stream(in).GroupByKey().Count() }),
		streamtest.Partitions(3), policies(topology.DeadLetter("dead")))
	var got []string
	for range 5 {
		d.Input(in).PipeRecord(record.New("", "v", 0).WithoutKey())
		letter, _ := d.Output(streamtest.RawTopic("dead")).Next()
		partition, _ := letter.Headers().Get("__streams.errors.partition")
		got = append(got, string(partition))
	}
	if want := []string{"0", "1", "2", "0", "1"}; !slices.Equal(got, want) {
		t.Errorf("they came from the partitions %q, want %q", got, want)
	}
}

func TestTopicsOwnPartitionerChoosesThePartition(t *testing.T) {
	last := func(_, _ string, n int) int { return n - 1 }
	topic := in.WithPartitioner(last)
	var table topology.Table[string, int64]
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		table = b.Stream(topic).GroupByKey().Count(topology.As("seen"))
	}), streamtest.Partitions(5))
	d.Input(topic).Pipe("k", "v", 0)
	if got := d.Written("app-seen-changelog"); len(got) != 1 || got[0].Partition != 4 {
		t.Errorf("the changelog has %v, want a record in partition 4", got)
	}
	if n, ok := d.KeyValue(table.Store()).Get("k"); !ok || n != 1 {
		t.Errorf("the view says %d, %v", n, ok)
	}
}
