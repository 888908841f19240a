package streamtest_test

import (
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

// Clicks are counted in a store, and every minute by the wall clock the counts go out and begin anew.
// The clock is moved by hand.
func Example_processor() {
	clicks := topology.NewTopic("clicks", serde.String(), serde.String())
	perMinute := topology.NewTopic("clicks-per-minute", serde.String(), serde.Int64())

	b := topology.NewBuilder()
	counts := b.KeyValueStore("counts", serde.String(), serde.Int64())
	b.Stream(clicks).
		Process(func(c *processor.Context[string, int64]) (processor.Func[string, string], error) {
			counts := counts.In(c)
			c.Every(time.Minute, processor.WallClock, func(at processor.Time) error {
				for user, n := range counts.All() {
					c.Forward(record.New(user, n, at))
					counts.Delete(user)
				}
				return nil
			})
			return func(r processor.Record[string, string]) error {
				n, _ := counts.Get(r.Key())
				counts.Put(r.Key(), n+1)
				return nil
			}, nil
		}, counts, topology.Name("count")).
		To(perMinute)
	plan, err := b.Build()
	if err != nil {
		panic(err)
	}

	t := exampleT() // in a test: its *testing.T
	d := streamtest.New(t, plan)
	in, out := d.Input(clicks), d.Output(perMinute)

	in.Pipe("ann", "/home", 1_000)
	in.Pipe("bob", "/home", 2_000)
	in.Pipe("ann", "/about", 3_000)
	d.Restart() // the counts are in the store's changelog
	n, _ := d.KeyValue(counts).Get("ann")
	fmt.Println("ann so far:", n)
	d.Advance(time.Minute)
	for _, r := range out.All() {
		fmt.Println(r)
	}
	d.Advance(time.Minute)
	fmt.Println("and then:", len(out.All()))

	// Output:
	// ann so far: 2
	// ann = 2 @ 1970-01-01T00:01:00Z
	// bob = 1 @ 1970-01-01T00:01:00Z
	// and then: 0
}
