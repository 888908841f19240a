package streamtest_test

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

// rowsOf are a table's rows.
func rowsOf(d *streamtest.Driver, t topology.Table[string, string]) map[string]string {
	rows := map[string]string{}
	for e := range d.KeyValue(t.Store()).Entries() {
		rows[e.Key] = e.Value + "@" + strconv.FormatInt(int64(e.Time), 10)
	}
	return rows
}

// With Optimize a table comes back from its topic, of which it takes what was processed: the records
// that made rows then, with the times they had then.
func TestAnOptimizedTableComesBackFromItsTopic(t *testing.T) {
	timed := in.WithTimestamp(func(r record.Record[string, string], partitionTime record.Time) record.Time {
		if r.Value() == "untimed" {
			return -1
		}
		return max(r.Time(), partitionTime)
	})
	b := topology.NewBuilder(topology.Optimize())
	table := b.Table(timed, topology.As("latest"))
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, plan, streamtest.Partitions(2))
	i := d.Input(in)
	for n := range 20 {
		i.Pipe("k"+strconv.Itoa(n%7), strconv.Itoa(n), record.Time(n))
	}
	i.Pipe("k1", "old", 1) // its event time is the partition's
	i.Pipe("k2", "untimed", 50)
	i.Tombstone("k3", 60)
	i.PipeRecord(record.New("", "no key", 70).WithoutKey())
	before, dropped := rowsOf(d, table), d.DroppedTotal()
	if len(before) != 6 || dropped != 2 {
		t.Fatalf("%d rows and %d dropped: %v", len(before), dropped, before)
	}
	d.Restart()
	if after := rowsOf(d, table); !equalRows(before, after) {
		t.Errorf("before the restart %v, after %v", before, after)
	}
	if d.DroppedTotal() != dropped {
		t.Errorf("%d dropped after the restart, %d before", d.DroppedTotal(), dropped)
	}
	if topics := d.Topics(); len(topics) > 0 {
		t.Errorf("wrote %v", topics)
	}
}

func equalRows(a, b map[string]string) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}

func TestAPatternReadsTopicsAsTheyTurnUp(t *testing.T) {
	logs := topology.NewTopicPattern(regexp.MustCompile("logs-.*"), serde.String(), serde.String())
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		b.StreamMatching(logs).GroupByKey().Count(topology.As("lines")).ToStream().To(counts)
	}), streamtest.Partitions(2))
	d.Input(logs.Topic("logs-a")).Pipe("k", "1", 0)
	d.Input(logs.Topic("logs-b")).Pipe("k", "2", 1)
	d.Input(logs.Topic("logs-a")).Pipe("k", "3", 2)
	d.Restart()
	d.Input(logs.Topic("logs-b")).Pipe("k", "4", 3)
	d.Input(logs.Topic("logs-c")).Pipe("k", "5", 4)
	var got int64
	for n, r := range d.Output(counts).All() {
		if got = r.Value(); got != int64(n+1) {
			t.Errorf("count %d is %d", n, got)
		}
	}
	if got != 5 {
		t.Errorf("counted %d, want 5", got)
	}
}

// The records of a cogroup meet, however many partitions their topics would have.
func TestCogroupedTopicsArePartitionedAlike(t *testing.T) {
	add := func(_, v, a string) string { return a + v }
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		narrow := b.Stream(in).Repartition(topology.Name("one"), topology.Partitions(1)).
			GroupBy(func(k, _ string) string { return k }, topology.Name("left"))
		narrow.Cogroup(add).Cogroup(b.Stream(out).GroupByKey(), add).
			Aggregate(func() string { return "" }).ToStream().To(topology.NewTopic("both", serde.String(), serde.String()))
	}), streamtest.Partitions(4))
	for n := range 20 {
		key := "k" + strconv.Itoa(n)
		d.Input(in).Pipe(key, "a", 0)
		d.Input(out).Pipe(key, "b", 0)
	}
	all := d.Output(topology.NewTopic("both", serde.String(), serde.String())).All()
	for _, r := range all[len(all)-20:] {
		if r.Value() != "a" && r.Value() != "ab" {
			t.Errorf("%s is %q", r.Key(), r.Value())
		}
	}
	if n := len(all); n != 40 {
		t.Errorf("%d updates, want 40", n)
	}
}
