package streamtest_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

var (
	in     = topology.NewTopic("in", serde.String(), serde.String())
	out    = topology.NewTopic("out", serde.String(), serde.String())
	counts = topology.NewTopic("counts", serde.String(), serde.Int64())
)

// upper writes each value in capitals.
func upper(b *topology.Builder) {
	b.Stream(in).MapValues(func(_, v string) string { return strings.ToUpper(v) }).To(out)
}

// countValues counts values in store "seen", behind repartition topic "by-value-repartition".
func countValues(b *topology.Builder) topology.Table[string, int64] {
	t := b.Stream(in).
		GroupBy(func(_, v string) string { return v }, topology.Name("by-value")).
		Count(topology.As("seen"))
	t.ToStream().To(counts)
	return t
}

func TestPipedRecordsComeOutInOrder(t *testing.T) {
	d := streamtest.New(t, build(t, upper))
	i, o := d.Input(in), d.Output(out)
	i.Pipe("k", "a", 20)
	i.Pipe("j", "b", 10)
	if r, ok := o.Next(); !ok || !r.Equal(record.New("k", "A", 20)) {
		t.Errorf("Next gave %v, %v", r, ok)
	}
	i.Pipe("k", "c", 30)
	want := []streamtest.Record[string, string]{record.New("j", "B", 10), record.New("k", "C", 30)}
	if got := o.All(); !cmp.Equal(got, want) {
		t.Errorf("All gave %v, want %v", got, want)
	}
	if r, ok := o.Next(); ok {
		t.Errorf("Next gave %v when all were taken", r)
	}
}

func TestOutputsOfATopicShareOnePosition(t *testing.T) {
	d := streamtest.New(t, build(t, upper))
	d.Input(in).Pipe("k", "a", 0)
	d.Input(in).Pipe("k", "b", 0)
	if r, _ := d.Output(out).Next(); r.Value() != "A" {
		t.Errorf("the first is %v", r)
	}
	if r, _ := d.Output(out).Next(); r.Value() != "B" {
		t.Errorf("the second is %v", r)
	}
	if got := d.Written("out"); len(got) != 2 {
		t.Errorf("Written gave %v, want both, again", got)
	}
}

func TestHeadersAndNullsGoThrough(t *testing.T) {
	d := streamtest.New(t, build(t, func(b *topology.Builder) { b.Stream(in).To(out) }))
	i, o := d.Input(in), d.Output(out)
	headers := record.Headers{{Key: "trace", Value: []byte("1")}, {Key: "none"}}
	for _, r := range []record.Record[string, string]{
		record.New("k", "v", 1).WithHeaders(headers),
		record.New("", "", 2),
		record.New("", "v", 3).WithoutKey(),
		record.New("k", "", 4).AsTombstone(),
	} {
		i.PipeRecord(r)
		if got, _ := o.Next(); !got.Equal(r) {
			t.Errorf("got %v, want %v", got, r)
		}
	}
	i.Tombstone("k", 5)
	if got, _ := o.Next(); !got.IsTombstone() || got.Key() != "k" || got.Time() != 5 {
		t.Errorf("the tombstone came out as %v", got)
	}
}

func TestNullableTypesArePipedAsNull(t *testing.T) {
	of := serde.Nullable(serde.String())
	topic := topology.NewTopic("in", of, of)
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		b.Stream(topic).To(topology.NewTopic("out", of, of))
	}))
	d.Input(topic).Pipe(serde.Null[string]{}, serde.Null[string]{}, 1)
	d.Input(topic).Pipe(record.Valid(""), record.Valid(""), 2)
	got := d.Written("out")
	if got[0].Key != nil || got[0].Value != nil {
		t.Errorf("null became %q = %q", got[0].Key, got[0].Value)
	}
	if got[1].Key == nil || got[1].Value == nil {
		t.Error("an empty text became null")
	}
	r, _ := d.Output(topology.NewTopic("out", of, of)).Next()
	if r.HasKey() || !r.IsTombstone() {
		t.Errorf("null was read as %v", r)
	}
}

func TestTopicsNamesWhatTheTopologyWrote(t *testing.T) {
	d := streamtest.New(t, build(t, func(b *topology.Builder) { countValues(b) }), streamtest.ApplicationID("shop"))
	if got := d.Topics(); len(got) != 0 {
		t.Errorf("nothing was piped, and %q have records", got)
	}
	d.Input(in).Pipe("k", "v", 7)
	want := []string{"counts", "shop-by-value-repartition", "shop-seen-changelog"}
	if got := d.Topics(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, tt := range []struct{ topic, key, value string }{
		{"shop-by-value-repartition", "v", "v"},
		{"shop-seen-changelog", "v", "\x00\x00\x00\x00\x00\x00\x00\x01"},
	} {
		r, ok := d.Output(streamtest.RawTopic(tt.topic)).Next()
		if !ok || string(r.Key()) != tt.key || string(r.Value()) != tt.value || r.Time() != 7 {
			t.Errorf("%s has %q = %q @ %d", tt.topic, r.Key(), r.Value(), r.Time())
		}
	}
	if got := d.Written("no-such-topic"); got != nil {
		t.Errorf("a topic that is not there has %v", got)
	}
}

func TestClocks(t *testing.T) {
	start := time.Date(2013, 3, 8, 0, 0, 0, 0, time.UTC)
	d := streamtest.New(t, build(t, upper), streamtest.StartAt(start))
	if !d.Now().Equal(start) || d.StreamTime() != -1 {
		t.Errorf("at the start it is %v, stream time %d", d.Now(), d.StreamTime())
	}
	d.Advance(90 * time.Minute)
	d.Advance(0)
	d.Input(in).Pipe("k", "v", 50)
	d.Input(in).Pipe("k", "v", 40)
	if !d.Now().Equal(start.Add(90*time.Minute)) || d.StreamTime() != 50 {
		t.Errorf("it is %v, stream time %d", d.Now(), d.StreamTime())
	}
	if got := streamtest.New(t, build(t, upper)).Now(); !got.Equal(time.Unix(0, 0)) {
		t.Errorf("by default the wall clock starts at %v", got)
	}
}

// A driver starts no goroutine, not even for as long as it runs.
func TestDriverStaysInTheTestsGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	d := streamtest.New(t, build(t, func(b *topology.Builder) { countValues(b) }), streamtest.Partitions(3))
	d.Input(in).Pipe("k", "v", 0)
	d.Restart()
	// One of an earlier test may end meanwhile.
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("there are %d goroutines, %d before", now, before)
	}
}

func TestMisuseFailsTheTest(t *testing.T) {
	bytes := topology.NewTopic("in", serde.String(), serde.Func(
		func(dst []byte, v int) ([]byte, error) { return dst, errOdd },
		func([]byte) (int, error) { return 0, errOdd }))
	tests := map[string]struct {
		run  func(t testing.TB, d *streamtest.Driver)
		want string
	}{
		"no plan": {func(t testing.TB, _ *streamtest.Driver) { streamtest.New(t, nil) }, "the plan is nil"},
		"no partition": {func(t testing.TB, _ *streamtest.Driver) {
			streamtest.New(t, build(t, upper), streamtest.Partitions(0))
		}, "Partitions(0)"},
		"no application id": {func(t testing.TB, _ *streamtest.Driver) {
			streamtest.New(t, build(t, upper), streamtest.ApplicationID(""))
		}, "ApplicationID"},
		"input that is not read": {func(_ testing.TB, d *streamtest.Driver) {
			d.Input(out)
		}, `does not read topic "out"; it reads ["in"]`},
		"output that is not written": {func(_ testing.TB, d *streamtest.Driver) {
			d.Output(in)
		}, `does not write topic "in"; it writes ["app-by-value-repartition" "app-seen-changelog" "counts"]`},
		"clock turned back": {func(_ testing.TB, d *streamtest.Driver) { d.Advance(-1) }, "does not go back"},
		"value that does not encode": {func(_ testing.TB, d *streamtest.Driver) {
			d.Input(bytes).Pipe("k", 1, 0)
		}, `encode value for topic "in": odd`},
		"output of another type": {func(_ testing.TB, d *streamtest.Driver) {
			d.Input(in).Pipe("k", "v", 0)
			d.Output(topology.NewTopic("counts", serde.String(), serde.Bool())).All()
		}, `value of topic "counts" offset 0`},
		"store of another plan": {func(t testing.TB, d *streamtest.Driver) {
			b := topology.NewBuilder()
			d.KeyValue(b.Stream(in).GroupByKey().Count(topology.As("elsewhere")).Store())
		}, `store "elsewhere"`},
		"store of another type": {func(t testing.TB, d *streamtest.Driver) {
			b := topology.NewBuilder()
			d.KeyValue(b.Stream(in).GroupByKey().Reduce(
				func(_, a, _ string) string { return a }, topology.As("seen")).Store())
		}, `store "seen"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := failure(t, func(tb testing.TB) {
				d := streamtest.New(tb, build(t, func(b *topology.Builder) { countValues(b) }))
				tt.run(tb, d)
			})
			if !strings.Contains(got, tt.want) {
				t.Errorf("the test fails with %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTopicThatIsWrittenAndReadGoesRound(t *testing.T) {
	const longest = 3
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		b.Stream(in).
			Filter(func(_, v string) bool { return len(v) < longest }).
			MapValues(func(_, v string) string { return v + "." }).
			To(in)
	}))
	d.Input(in).Pipe("k", "", 5)
	var values []string
	for _, r := range d.Output(in).All() {
		values = append(values, r.Value())
	}
	if want := []string{".", "..", "..."}; !slices.Equal(values, want) {
		t.Errorf("got %q, want %q: what was piped does not count as written", values, want)
	}
}

func TestAnyTopicMayBeChosenByRecord(t *testing.T) {
	d := streamtest.New(t, build(t, func(b *topology.Builder) {
		b.Stream(in).ToDynamic(out, func(_, v string) string { return "to-" + v })
	}), streamtest.Partitions(2))
	d.Input(in).Pipe("k", "a", 0)
	d.Input(in).Pipe("k", "b", 0)
	if got, want := d.Topics(), []string{"to-a", "to-b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if r, ok := d.Output(streamtest.RawTopic("to-b")).Next(); !ok || string(r.Value()) != "b" {
		t.Errorf("to-b has %v", r)
	}
	if got := d.Output(streamtest.RawTopic("to-c")).All(); got != nil {
		t.Errorf("to-c has %v", got)
	}
}
