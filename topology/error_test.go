package topology_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

type page struct{ url string }

func toPage(_, v string) page { return page{v} }

type mistake struct {
	name  string
	build func(b *topology.Builder)
	want  []string
}

// mistakes are topologies and what Build says of them. A message names the line of the call, which
// stands as "LINE" here.
var mistakes = []mistake{
	{
		"empty topology", func(*topology.Builder) {},
		[]string{"topology: Build (LINE): the topology is empty: read a topic with Builder.Stream"},
	},
	{
		"no serde for a key", func(b *topology.Builder) {
			b.Stream(in).SelectKey(toPage).GroupByKey().Count(topology.As("counts"))
		},
		[]string{"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000002): no serde for the key, of type topology_test.page: " +
			"register one with Builder.UseSerde, or say it with WithKeySerde on the stream before"},
	},
	{
		"no serde for a new key", func(b *topology.Builder) { b.Stream(in).GroupBy(toPage).Count() },
		[]string{"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000003): no serde for the key, of type topology_test.page: " +
			"register one with Builder.UseSerde, or write SelectKey, WithKeySerde and GroupByKey for GroupBy"},
	},
	{
		"no serde for a repartitioned value", func(b *topology.Builder) {
			b.Stream(in).SelectKey(value).MapValues(toPage).GroupByKey().Count()
		},
		[]string{"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000004): no serde for the value, of type topology_test.page: " +
			"register one with Builder.UseSerde, or say it with WithValueSerde on the stream before"},
	},
	{
		"no serde for a stream written and read back", func(b *topology.Builder) {
			b.Stream(in).MapValues(toPage).Repartition(topology.Name("r"))
		},
		[]string{"topology: Repartition (LINE, step r-repartition-source): no serde for the value, of type topology_test.page: " +
			"register one with Builder.UseSerde, or say it with WithValueSerde on the stream before"},
	},
	{
		"no serde for an aggregate", func(b *topology.Builder) {
			b.Stream(in).GroupByKey().
				Aggregate(func() page { return page{} }, func(_, _ string, p page) page { return p })
		},
		[]string{"topology: Aggregate (LINE, step KSTREAM-AGGREGATE-0000000002): no serde for the store's values, of type topology_test.page: " +
			"add the option topology.ValueSerde, or register one with Builder.UseSerde"},
	},
	{
		"serde of the wrong type", func(b *topology.Builder) {
			b.Stream(in).GroupByKey().Count(topology.As("n"), topology.ValueSerde(serde.Int32()))
		},
		[]string{"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000001): the option ValueSerde is for int32, " +
			"the store's values are int64: give it a serde of int64"},
	},
	{
		"nil serdes", func(b *topology.Builder) {
			b.UseSerde[page](nil)
			s := b.Stream(topology.NewTopic[string, string]("bare", nil, nil))
			s = s.WithKeySerde(nil).WithValueSerde(nil)
			s.To(topology.NewTopic("half", serde.String(), serde.Serde[string](nil)))
			s.WithKeySerde(serde.String()).GroupByKey().Reduce(last, topology.ValueSerde[string](nil))
		},
		[]string{
			"topology: UseSerde (LINE): the serde of topology_test.page is nil: give one",
			`topology: Stream (LINE, step KSTREAM-SOURCE-0000000000): topic "bare" has no serdes: give them to NewTopic`,
			"topology: WithKeySerde (LINE, step KSTREAM-SOURCE-0000000000): the serde is nil: give one",
			"topology: WithValueSerde (LINE, step KSTREAM-SOURCE-0000000000): the serde is nil: give one",
			`topology: To (LINE, step KSTREAM-SINK-0000000001): topic "half" has no value serde: give one to NewTopic`,
			"topology: Reduce (LINE, step KSTREAM-REDUCE-0000000003): the option ValueSerde is nil: give it a serde of string",
		},
	},
	{
		"serdes registered in vain", func(b *topology.Builder) {
			b.Stream(in)
			b.UseSerde(serde.String())
			b.UseSerde(serde.JSON[page]())
			b.UseSerde(serde.JSON[page]())
		},
		[]string{
			"topology: UseSerde (LINE): string has a standard serde, which comes first: " +
				"give yours to the streams and stores it is for, with WithKeySerde, WithValueSerde or ValueSerde",
			"topology: UseSerde (LINE): topology_test.page was given a serde before: give one",
		},
	},
	{
		"nil functions", func(b *topology.Builder) {
			s := b.Stream(in).Filter(nil)
			s.Split().Branch("a", nil)
			s.GroupBy((func(string, string) string)(nil), topology.Name("g")).
				Aggregate(empty, nil, topology.As("s"))
			s.ToDynamic(out, nil)
		},
		[]string{
			"topology: Filter (LINE, step KSTREAM-FILTER-0000000001): the function is nil: give one",
			"topology: Branch (LINE, step KSTREAM-BRANCH-0000000002a): the function is nil: give one",
			"topology: GroupBy (LINE, step g): the function is nil: give one",
			"topology: Aggregate (LINE, step KSTREAM-AGGREGATE-0000000005): the function is nil: give one",
			"topology: ToDynamic (LINE, step KSTREAM-SINK-0000000009): the function is nil: give one",
		},
	},
	{
		"a store's name that is kept for us", func(b *topology.Builder) {
			b.Stream(in).GroupByKey().Count(topology.As("pitwheel.seq"))
		},
		[]string{"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000001): " +
			`store: the name "pitwheel.seq" begins as what stands beside committed offsets does: choose another`},
	},
	{
		"names that cannot be", func(b *topology.Builder) {
			s := b.Stream(text("top/ic"), topology.Name(""))
			s.Filter(always, topology.Name(".."))
			s.GroupByKey(topology.Name(strings.Repeat("g", 240)))
			s.GroupByKey().Count(topology.As("käse"))
			s.Repartition(topology.Name(strings.Repeat("r", 250)))
			s.Split(topology.Name("split")).Branch("a b", always)
			s.To(text(""))
		},
		[]string{
			`topology: Stream (LINE): topic: the name "top/ic" has other characters than letters, digits, '.', '_' and '-': choose another`,
			"topology: Stream (LINE): the name is empty: choose another",
			`topology: Filter (LINE, step ..): the name ".." is not allowed: choose another`,
			"topology: GroupByKey (LINE): the name has 240 characters, at most 237 are allowed: gggggggggggggggggggg...: choose another",
			`topology: Count (LINE, step KSTREAM-AGGREGATE-0000000002): store: the name "käse" has other characters than letters, ` +
				"digits, '.', '_' and '-': choose another",
			"topology: Repartition (LINE, step " + strings.Repeat("r", 250) + "-repartition-source): the name has 250 characters, at most 249 are allowed: " +
				"rrrrrrrrrrrrrrrrrrrr...: choose another",
			`topology: Branch (LINE, step splita b): the name "splita b" has other characters than letters, digits, '.', '_' and '-': choose another`,
			"topology: To (LINE, step KSTREAM-SINK-0000000008): topic: the name is empty: choose another",
		},
	},
	{
		"names twice", func(b *topology.Builder) {
			s := b.Stream(in)
			s.Filter(always, topology.Name("x")).To(out, topology.Name("x"))
			s.GroupByKey().Count(topology.As("n"))
			s.GroupByKey().Count(topology.As("n"))
			s.GroupBy(value, topology.Name("g")).Count(topology.As("a"))
			s.SelectKey(value).GroupByKey(topology.Name("g")).Count(topology.As("b"))
			s.Repartition(topology.Name("r"))
			s.Repartition(topology.Name("r"))
		},
		[]string{
			"topology: To (LINE, step x): the step x is made a second time; the first is LINE's Filter: give one of them another topology.Name",
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000004): the store n is made a second time; the first is LINE's Count: " +
				"give one of them another topology.As",
			"topology: Count (LINE, step g-repartition-source): the repartition topic g-repartition is made a second time; " +
				"the first is LINE's Count: aggregate one GroupedStream for both, or give one of them another topology.Name or topology.As",
			"topology: Repartition (LINE, step r-repartition-source): the repartition topic r-repartition is made a second time; " +
				"the first is LINE's Repartition: give one of them another topology.Name",
		},
	},
	{
		"windows that cannot be", func(b *topology.Builder) {
			b.Stream(in).GroupByKey().WindowedBy(windowing.Tumbling(0)).Count()
		},
		[]string{"topology: WindowedBy (LINE, step KSTREAM-SOURCE-0000000000): " +
			"windowing: window size 0s: must be a whole number of milliseconds, at least 1: make other windows"},
	},
	{
		"windows without end", func(b *topology.Builder) {
			long := time.Duration(1 << 62).Truncate(time.Millisecond)
			b.Stream(in).GroupByKey().WindowedBy(windowing.Tumbling(long).Grace(long + time.Hour)).Count()
		},
		[]string{"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000002): the windows' size 1281023h53m38.427s and " +
			"grace 1281024h53m38.427s together are too long: make one of them shorter"},
	},
	{
		"retention", func(b *topology.Builder) {
			w := b.Stream(in).GroupByKey().WindowedBy(minutes)
			w.Count(topology.As("a"), topology.Retention(time.Minute))
			w.Count(topology.As("b"), topology.Retention(time.Hour+time.Microsecond))
			b.Stream(text("sliding")).GroupByKey().WindowedBy(windowing.Sliding(time.Minute).Grace(time.Second)).
				Count(topology.As("c"), topology.Retention(2*time.Minute))
		},
		[]string{
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000001): the option Retention is 1m0s, " +
				"less than the windows' size 1m0s and grace 10s: give at least 1m10s",
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000002): the option Retention is 1h0m0.000001s: " +
				"give a whole number of milliseconds",
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000004): the option Retention is 2m0s, " +
				"less than twice the windows' size 1m0s and grace 1s: give at least 2m1s",
		},
	},
	{
		"sessions", func(b *topology.Builder) {
			g := b.Stream(in).GroupByKey()
			g.WindowedBySession(windowing.Session(0)).Count(topology.As("a"))
			s := g.WindowedBySession(windowing.Session(time.Minute).Grace(time.Second))
			s.EmitOnClose().Reduce(nil, topology.As("b"), topology.Retention(time.Minute), topology.Cached())
			s.Aggregate(empty, concat, nil, topology.As("b"))
			b.SessionStore("c", serde.String(), serde.String(), 0)
		},
		[]string{
			"topology: WindowedBySession (LINE, step KSTREAM-SOURCE-0000000000): windowing: session gap 0s: must be a whole " +
				"number of milliseconds, at least 1: make other sessions",
			"topology: Reduce (LINE, step KSTREAM-REDUCE-0000000002): the option Cached stands with EmitOnClose, which emits " +
				"each window once anyway: remove it",
			"topology: Reduce (LINE, step KSTREAM-REDUCE-0000000002): the option Retention is 1m0s, less than the sessions' gap " +
				"1m0s and grace 1s: give at least 1m1s",
			"topology: Reduce (LINE, step KSTREAM-REDUCE-0000000002): the function is nil: give one",
			"topology: Aggregate (LINE, step KSTREAM-AGGREGATE-0000000003): the function is nil: give one",
			"topology: Aggregate (LINE, step KSTREAM-AGGREGATE-0000000003): the store b is made a second time; the first is " +
				"LINE's Reduce: give one of them another topology.As",
			"topology: SessionStore (LINE): the retention of store \"c\" is 0s: give at least a millisecond",
			"topology: SessionStore (LINE): nothing uses the store \"c\": give its handle to the Process of those who do, or remove it",
		},
	},
	{
		"suppressions", func(b *topology.Builder) {
			c := b.Stream(in).GroupByKey().WindowedBy(minutes).Count(topology.As("a"))
			c.SuppressUntilTimeLimit(-time.Second, topology.MaxRecords(0), topology.EmitEarly()).Store()
			c.SuppressUntilClose(topology.MaxBytes(0), topology.Name("s"))
			b.Table(text("table"), topology.As("c")).
				SuppressUntilTimeLimit(time.Microsecond, topology.EmitEarly(), topology.Name("t")).Store()
		},
		[]string{
			"topology: SuppressUntilTimeLimit (LINE, step KTABLE-SUPPRESS-0000000002): the option MaxRecords is 0: give at least 1",
			"topology: SuppressUntilTimeLimit (LINE, step KTABLE-SUPPRESS-0000000002): the time limit is -1s: give a whole number of milliseconds, not negative",
			"topology: SuppressUntilTimeLimit (LINE, step KTABLE-SUPPRESS-0000000002): the table keeps no rows of its own to read: read the table before it",
			"topology: SuppressUntilClose (LINE, step s): the option MaxBytes is 0: give at least 1",
			"topology: SuppressUntilTimeLimit (LINE, step t): the option EmitEarly stands without a bound: add MaxRecords or MaxBytes",
			"topology: SuppressUntilTimeLimit (LINE, step t): the time limit is 1µs: give a whole number of milliseconds, not negative",
			"topology: SuppressUntilTimeLimit (LINE, step t): the table keeps no rows of its own to read: read the table before it",
		},
	},
	{
		"unlimited windows", func(b *topology.Builder) {
			g := b.Stream(in).GroupByKey()
			g.WindowedBy(windowing.Unlimited(time.UnixMilli(0))).EmitOnClose().
				Count(topology.As("a"), topology.Retention(time.Hour)).SuppressUntilClose(topology.Name("s"))
			g.WindowedBy(windowing.Unlimited(time.UnixMilli(-1)))
			g.WindowedBy(windowing.Unlimited(time.UnixMilli(1)).Grace(time.Second))
		},
		[]string{
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000001): an unlimited window never closes, so EmitOnClose would emit nothing: remove it",
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000001): the option Retention stands with an unlimited window, which is kept for ever: remove it",
			"topology: SuppressUntilClose (LINE, step s): unlimited windows never close: use SuppressUntilTimeLimit",
			"topology: WindowedBy (LINE, step KSTREAM-SOURCE-0000000000): windowing: unlimited window from -1 ms: must not start before the epoch: make other windows",
			"topology: WindowedBy (LINE, step KSTREAM-SOURCE-0000000000): windowing: grace 1s: an unlimited window never closes, so it has none: make other windows",
		},
	},
	{
		"options that contradict", func(b *topology.Builder) {
			g := b.Stream(in).GroupByKey()
			g.Count(topology.As("a"), topology.NoChangelog(), topology.TopicConfig("", "1"))
			g.WindowedBy(minutes).EmitOnClose().Count(topology.As("b"), topology.Cached())
			g.Count(topology.As("c"), topology.As("d"), nil)
		},
		[]string{
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000001): the options NoChangelog and TopicConfig are both given, " +
				"but without a changelog there is no topic: remove one of them",
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000001): the option TopicConfig has an empty key: " +
				"name the topic's config, e.g. retention.ms",
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000002): the option Cached stands with EmitOnClose, " +
				"which emits each window once anyway: remove it",
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000003): the option As is given twice: remove it",
			"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000003): option 3 is nil: remove it",
		},
	},
	{
		"partitions", func(b *topology.Builder) { b.Stream(in).Repartition(topology.Name("r"), topology.Partitions(0)) },
		[]string{"topology: Repartition (LINE, step r-repartition-source): the option Partitions is 0: give at least 1 and at most 2147483647"},
	},
	{
		"no partitioner", func(b *topology.Builder) { b.Stream(in).RepartitionBy(nil, topology.Name("r")) },
		[]string{"topology: RepartitionBy (LINE, step r-repartition-source): the function is nil: give one"},
	},
	{
		"sources that are not alike", func(b *topology.Builder) {
			b.Stream(in)
			b.Stream(topology.NewTopic("in", serde.String(), serde.Int64()))
			b.Stream(in.WithTimestamp(func(record.Record[string, string], record.Time) record.Time { return 0 }))
			b.Stream(in, topology.Reset(topology.Latest()))
			b.Stream(in, topology.OnError(topology.ErrorPolicies{Decode: topology.Skip()}))
			b.StreamOf(topology.Topics(in, out))
		},
		[]string{
			"topology: Stream (LINE, step KSTREAM-SOURCE-0000000001): it reads [in] with other types, serdes or times than " +
				"KSTREAM-SOURCE-0000000000 (LINE): use one Topic value for both",
			"topology: Stream (LINE, step KSTREAM-SOURCE-0000000002): it reads [in] with other types, serdes or times than " +
				"KSTREAM-SOURCE-0000000000 (LINE): use one Topic value for both",
			"topology: Stream (LINE, step KSTREAM-SOURCE-0000000003): it reads [in] with another Reset than " +
				"KSTREAM-SOURCE-0000000000 (LINE): give both the same",
			"topology: Stream (LINE, step KSTREAM-SOURCE-0000000004): it reads [in] with another OnError than " +
				"KSTREAM-SOURCE-0000000000 (LINE): give both the same",
			"topology: StreamOf (LINE, step KSTREAM-SOURCE-0000000005): it reads [in out], KSTREAM-SOURCE-0000000000 (LINE) [in]: " +
				"topics overlap but are not the same: read the topics one by one and merge the streams",
		},
	},
	{
		"topics of a source", func(b *topology.Builder) {
			b.StreamOf(topology.Topics[string, string]())
			b.StreamOf(topology.Topics(out, out))
			b.Stream(topology.Topic[string, string]{})
			b.Stream(in, topology.OnError(topology.ErrorPolicies{Dropped: topology.DeadLetter("")}))
		},
		[]string{
			"topology: StreamOf (LINE, step KSTREAM-SOURCE-0000000000): no topic is given: give at least one",
			`topology: StreamOf (LINE, step KSTREAM-SOURCE-0000000001): topic "out" is given twice: give it once`,
			"topology: Stream (LINE, step KSTREAM-SOURCE-0000000002): the topic is a zero value: make it with NewTopic",
			"topology: Stream (LINE, step KSTREAM-SOURCE-0000000003): dead-letter topic: the name is empty: choose another",
		},
	},
	{
		"steps of others", func(b *topology.Builder) {
			s := b.Stream(in)
			s.Merge(topology.NewBuilder().Stream(out))
			s.Merge(topology.Stream[string, string]{})
		},
		[]string{
			"topology: Merge (LINE, step KSTREAM-MERGE-0000000001): the other stream is of another builder: make both with one Builder",
			"topology: Merge (LINE, step KSTREAM-MERGE-0000000002): the other stream is a zero value: take it from a Builder's method",
		},
	},
	{
		"two defaults", func(b *topology.Builder) {
			s := b.Stream(in).Split(topology.Name("s-"))
			s.Default("a")
			s.Default("b")
		},
		[]string{"topology: Default (LINE, step s-b): the split has a default branch already: use the stream that it returned"},
	},
}

var line = regexp.MustCompile(`\w+_test\.go:\d+`)

func TestBuildNamesEachMistake(t *testing.T) { checkMistakes(t, mistakes) }

func checkMistakes(t *testing.T, mistakes []mistake) {
	t.Helper()
	for _, tt := range mistakes {
		t.Run(tt.name, func(t *testing.T) {
			b := topology.NewBuilder()
			tt.build(b)
			plan, err := b.Build()
			if plan != nil || err == nil {
				t.Fatalf("plan %v, error %v, want an error only", plan, err)
			}
			if diff := cmp.Diff(strings.Join(tt.want, "\n"), line.ReplaceAllString(err.Error(), "LINE")); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorsAreTyped(t *testing.T) {
	b := topology.NewBuilder()
	b.Stream(in).Filter(nil, topology.Name("keep"))
	_, err := b.Build()
	var got *topology.StepError
	if !errors.As(err, &got) {
		t.Fatalf("%T is no StepError", err)
	}
	if got.Step != "keep" || got.Verb != "Filter" || !strings.HasPrefix(got.At, "error_test.go:") {
		t.Errorf("got step %q, verb %q, at %q", got.Step, got.Verb, got.At)
	}
}

func TestRequireNamesRefusesGeneratedNames(t *testing.T) {
	b := topology.NewBuilder(topology.RequireNames())
	s := b.Stream(in).SelectKey(value)
	s.GroupByKey().Count()
	s.GroupByKey(topology.Name("named")).Count(topology.As("named"))
	s.GroupByKey().Count(topology.As("store"))
	s.Repartition()
	_, err := b.Build()
	want := []string{
		"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000003): the store KSTREAM-AGGREGATE-STATE-STORE-0000000002 " +
			"has a generated name: add topology.As",
		"topology: Count (LINE, step KSTREAM-AGGREGATE-0000000003): the repartition topic " +
			"KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition has a generated name: " +
			"add topology.Name to GroupByKey or GroupBy, or topology.As to the aggregation",
		"topology: Repartition (LINE, step KSTREAM-SOURCE-0000000018): the repartition topic " +
			"KSTREAM-REPARTITION-0000000015-repartition has a generated name: add topology.Name",
	}
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), line.ReplaceAllString(err.Error(), "LINE")); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestABuilderIsBuiltOnce(t *testing.T) {
	b := topology.NewBuilder()
	s := b.Stream(in)
	if _, err := b.Build(); err != nil {
		t.Fatal(err)
	}
	s.Filter(always)
	_, err := b.Build()
	want := "topology: Filter (LINE, step KSTREAM-FILTER-0000000001): the builder was built before: call every verb before Build\n" +
		"topology: Build (LINE): the builder was built before: make another with NewBuilder"
	if got := line.ReplaceAllString(err.Error(), "LINE"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAVerbOfAZeroValuePanicsWithItsName(t *testing.T) {
	for verb, call := range map[string]func(){
		"Filter":     func() { topology.Stream[string, string]{}.Filter(always) },
		"GroupByKey": func() { topology.Stream[string, string]{}.GroupByKey() },
		"Count":      func() { topology.GroupedStream[string, string]{}.Count() },
		"Reduce":     func() { topology.GroupedWindows[string, string]{}.Reduce(last) },
		"Store":      func() { topology.Table[string, string]{}.Store() },
		"ToTable":    func() { topology.Stream[string, string]{}.ToTable() },
		"FilterNot":  func() { topology.Table[string, string]{}.FilterNot(always) },
		"Cogroup":    func() { topology.Cogrouped[string, string]{}.Cogroup(topology.GroupedStream[string, string]{}, concat) },
		"Aggregate":  func() { topology.CogroupedWindows[string, string]{}.Aggregate(empty) },
		"Process":    func() { topology.Stream[string, string]{}.Process(ending) },
		"Stream":     func() { topology.Side[string, string]{}.Stream() },
		"Branch":     func() { topology.Split[string, string]{}.Branch("", always) },
	} {
		t.Run(verb, func(t *testing.T) {
			defer func() {
				want := "topology: " + verb + " of a zero value: streams and tables come from a Builder's methods"
				if got := recover(); got != want {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			call()
		})
	}
}
