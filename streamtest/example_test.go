package streamtest_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// Words are counted over two partitions: the words of a line are spread over a repartition topic,
// and all of it is processed and committed before Pipe returns. Between partitions there is no
// order, in Kafka either; here it is the same each time.
func Example() {
	lines := topology.NewTopic("lines", serde.String(), serde.String())
	totals := topology.NewTopic("totals", serde.String(), serde.Int64())

	b := topology.NewBuilder()
	words := b.Stream(lines).
		FlatMapValues(func(_, line string, emit func(string)) {
			for word := range strings.FieldsSeq(strings.ToLower(line)) {
				emit(word)
			}
		}).
		GroupBy(func(_, word string) string { return word }).
		Count(topology.As("words"))
	words.ToStream().To(totals)
	plan, err := b.Build()
	if err != nil {
		panic(err)
	}

	t := exampleT() // in a test: its *testing.T
	d := streamtest.New(t, plan, streamtest.Partitions(2))
	in, out := d.Input(lines), d.Output(totals)

	in.Pipe("a", "all streams lead to Kafka", 0)
	in.Pipe("b", "join Kafka", 10)
	for _, r := range out.All() {
		fmt.Println(r.Key(), r.Value())
	}
	d.Restart()
	n, _ := d.KeyValue(words.Store()).Get("kafka")
	fmt.Println("after a restart:", n)

	// Output:
	// all 1
	// lead 1
	// streams 1
	// to 1
	// kafka 1
	// join 1
	// kafka 2
	// after a restart: 2
}

// Views are counted per page and minute, and come out when the minute and its grace are over. Time
// is that of the records: nothing here waits.
func Example_windows() {
	type view struct {
		Page string
		Bot  bool
	}
	var (
		views     = topology.NewTopic("views", serde.String(), serde.JSON[view]())
		minutes   = windowing.Tumbling(time.Minute).Grace(10 * time.Second)
		perMinute = topology.NewTopic("views-per-minute", minutes.KeySerde(serde.String()), serde.Int64())
	)
	b := topology.NewBuilder()
	b.UseSerde(serde.JSON[view]())
	counts := b.Stream(views).
		Filter(func(_ string, v view) bool { return !v.Bot }).
		SelectKey(func(_ string, v view) string { return v.Page }).
		GroupByKey().
		WindowedBy(minutes).
		EmitOnClose().
		Count(topology.As("views-per-page"))
	counts.ToStream().To(perMinute)
	plan, err := b.Build()
	if err != nil {
		panic(err)
	}

	t := exampleT() // in a test: its *testing.T
	d := streamtest.New(t, plan)
	in, out := d.Input(views), d.Output(perMinute)

	in.Pipe("ann", view{Page: "/home"}, 1_000)
	in.Pipe("bob", view{Page: "/home"}, 59_999)
	in.Pipe("crawler", view{Page: "/home", Bot: true}, 60_000)
	n, _ := d.Window(counts.Store()).Get("/home", 0)
	fmt.Println("so far:", n, "came out:", len(out.All()))

	in.Pipe("cid", view{Page: "/about"}, 70_000) // the first minute's grace is over
	fmt.Println(out.All())

	in.Pipe("dan", view{Page: "/home"}, 2_000)
	fmt.Println("late:", d.Dropped("late"))

	// Output:
	// so far: 2 came out: 0
	// [/home@0/60000 = 2 @ 1970-01-01T00:00:59.999Z]
	// late: 1
}
