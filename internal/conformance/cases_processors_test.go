package conformance

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// Processors, their stores and side outputs.
var processorsCases = map[string]func(*topo){
	"process-once": func(b *topo) {
		seen := b.keepsState(b.KeyValueStore("seen", textSerde, textSerde))
		b.Stream(texts("in")).Process(once(seen), topology.Name("once"), seen).To(texts("out"))
	},

	"process-then-count": func(b *topo) {
		seen := b.keepsState(b.KeyValueStore("seen", textSerde, textSerde))
		b.keeps(b.Stream(texts("in")).Process(once(seen), seen).GroupByKey().Count()).ToStream().To(counts("out"))
	},

	"process-router": func(b *topo) {
		low, high := b.Side("low", textSerde, textSerde), b.Side("high", textSerde, textSerde)
		b.Stream(texts("in"), topology.Name("source")).Process(route(low, high), topology.Name("route"), low, high)
		low.Stream().To(texts("low"), topology.Name("low"))
		high.Stream().To(texts("high"), topology.Name("high"))
	},

	"process-metadata": func(b *topo) {
		b.StreamOf(topology.Topics(texts("one"), texts("two"))).Process(tellTimes).To(texts("out"))
	},

	"process-values-window": func(b *topo) {
		recent := b.keepsBareWindows(b.WindowStore("recent", textSerde, textSerde, 10*time.Second, 30*time.Second),
			func(at, highest int64) bool { return at/60_000 < (highest-30_000)/60_000 })
		b.Stream(texts("in")).ProcessValues(countRecent(recent), recent).To(counts("out"))
	},

	"process-values-named": func(b *topo) {
		recent := b.keepsBareWindows(
			b.WindowStore("recent", textSerde, textSerde, 10*time.Second, 30*time.Second, topology.InMemory()),
			func(at, highest int64) bool { return at <= highest-30_000 })
		b.Stream(texts("in")).
			ProcessValues(countRecent(recent), topology.Name("first"), recent).
			MapValues(func(_ text, n int64) text { return valid(fmt.Sprint("n", n)) }).
			ProcessValues(countRecent(recent), topology.Name("second"), recent).
			To(counts("out"))
	},

	"process-versioned": func(b *topo) {
		versions := b.keepsVersions(b.VersionedStore("versions", textSerde, textSerde, 30*time.Second),
			func(at, highest int64) bool { return at < highest-30_000 })
		b.Stream(texts("in")).Process(tellVersions(versions), versions).To(texts("out"))
	},

	"process-ranges": func(b *topo) {
		books := b.keepsBare(b.KeyValueStore("books", textSerde, textSerde))
		b.Stream(texts("in")).Process(keepBooks(books), books).To(texts("out"))
	},

	"global-store": func(b *topo) {
		names := b.keepsBare(b.KeyValueStore("names", textSerde, textSerde, topology.InMemory()))
		b.ProcessGlobal(texts("right"), upper(names), names)
		b.Stream(texts("left")).Process(lookUp(names)).To(texts("out"))
	},

	"punctuate-stream-time": func(b *topo) { counting(b, processor.StreamTime, 7*time.Second, false) },

	"punctuate-stream-time-reset": func(b *topo) { counting(b, processor.StreamTime, 10*time.Second, true) },

	"punctuate-wall-clock": func(b *topo) { counting(b, processor.WallClock, 5*time.Second, true) },
}

// counting counts per key; a punctuation forwards every count and, on request, deletes it.
func counting(b *topo, clock processor.Clock, every time.Duration, reset bool) {
	counted := b.keepsBare(b.KeyValueStore("counts", textSerde, serde.Int64()))
	b.Stream(texts("in"), topology.Name("source")).
		Process(func(c *processor.Context[text, int64]) (processor.Func[text, text], error) {
			counted := counted.In(c)
			c.Every(every, clock, func(at processor.Time) error {
				for k, n := range counted.All() {
					c.Forward(record.New(k, n, at))
					if reset {
						counted.Delete(k)
					}
				}
				return nil
			})
			return func(r record.Record[text, text]) error {
				if r.HasKey() {
					n, _ := counted.Get(r.Key())
					counted.Put(r.Key(), n+1)
				}
				return nil
			}, nil
		}, topology.Name("count"), counted).
		To(counts("out"), topology.Name("sink"))
}

// tellTimes forwards each record's metadata and times; every second record starts a punctuation that
// tells the time twice, then cancels itself.
func tellTimes(c *processor.Context[text, text]) (processor.Func[text, text], error) {
	seen := 0
	names := map[processor.Clock]string{processor.StreamTime: "STREAM_TIME", processor.WallClock: "WALL_CLOCK_TIME"}
	return func(r record.Record[text, text]) error {
		at, _ := c.Metadata()
		c.Forward(r.WithValue(valid(fmt.Sprintf("%s-%d@%d stream=%d wall=%d",
			at.Topic, at.Partition, at.Offset, c.StreamTime(), c.WallClock()))))
		first := seen%2 == 0
		if seen++; !first {
			return nil
		}
		id, clock, fired := seen, processor.WallClock, 0
		if seen%4 == 1 {
			clock = processor.StreamTime
		}
		var cancel func()
		cancel = c.Every(time.Duration(3_000+id)*time.Millisecond, clock, func(at processor.Time) error {
			if _, ok := c.Metadata(); ok {
				return errors.New("a punctuation has metadata")
			}
			c.Forward(record.New(valid(fmt.Sprint("p", id)), valid(names[clock]), at))
			if fired++; fired == 2 {
				cancel()
			}
			return nil
		})
		return nil
	}, nil
}

// upper keeps a global store: values in capitals, a null deletes.
func upper(names store.KeyValueRef[text, text]) processor.GlobalSetup[text, text] {
	return func(c *processor.Task) (processor.Func[text, text], error) {
		names := names.In(c)
		return func(r record.Record[text, text]) error {
			switch {
			case !r.HasKey():
			case r.IsTombstone():
				names.Delete(r.Key())
			default:
				names.Put(r.Key(), valid(strings.ToUpper(r.Value().V)))
			}
			return nil
		}, nil
	}
}

// lookUp looks up the global store, without being connected with it.
func lookUp(names store.KeyValueRef[text, text]) processor.Setup[text, text, text, text] {
	return func(c *processor.Context[text, text]) (processor.Func[text, text], error) {
		names := names.In(c)
		return func(r record.Record[text, text]) error {
			found := "-"
			if r.HasKey() {
				name, _ := names.Get(r.Key())
				found = name.String()
			}
			c.Forward(r.WithValue(plus(r.Value().String(), "=", found)))
			return nil
		}, nil
	}
}

// keepBooks reads a store in every way: point, ranges both ways, prefix.
func keepBooks(books store.KeyValueRef[text, text]) processor.Setup[text, text, text, text] {
	list := func(rows iter.Seq2[text, text]) string {
		var s []string
		for k, v := range rows {
			s = append(s, k.V+"="+v.V)
		}
		return "[" + strings.Join(s, " ") + "]"
	}
	return func(c *processor.Context[text, text]) (processor.Func[text, text], error) {
		books := books.In(c)
		return func(r record.Record[text, text]) error {
			if !r.HasKey() {
				return nil
			}
			var did string
			old, _ := books.Get(r.Key())
			switch {
			case r.IsTombstone():
				did = "deleted " + old.String()
				books.Delete(r.Key())
			case r.Value().V < "v5":
				did = "had " + old.String()
				if !old.Valid {
					books.Put(r.Key(), r.Value())
				}
			default:
				did = "put"
				books.Put(r.Key(), r.Value())
			}
			c.Forward(r.WithValue(plus(did,
				", range ", list(books.Scan(store.Between(valid("a"), valid("b")))),
				", reverse ", list(books.Scan(store.Between(valid("aa"), valid("bb")).Reverse())),
				", from b ", list(books.Scan(store.From(valid("b")))),
				", prefix a ", list(books.Prefix([]byte("a"))),
				", last ", list(books.Backward()))))
			return nil
		}, nil
	}
}

// once lets a key through once every 10 s of its own time.
func once(seen store.KeyValueRef[text, text]) processor.Setup[text, text, text, text] {
	return func(c *processor.Context[text, text]) (processor.Func[text, text], error) {
		seen := seen.In(c)
		return func(r record.Record[text, text]) error {
			if !r.HasKey() {
				return nil
			}
			last, again := seen.Entry(r.Key())
			if again && r.Time()-last.Time < 10_000 {
				return nil
			}
			seen.PutAt(r.Key(), r.Value(), r.Time())
			if again {
				c.Forward(r.WithValue(plus(r.Value(), "<", last.Value)))
			} else {
				c.Forward(r.WithValue(plus(r.Value(), "")))
			}
			return nil
		}, nil
	}
}

// route marks records and sends them to one of two ways out by their values, those without to both.
func route(low, high topology.Side[text, text]) processor.Setup[text, text, text, text] {
	return func(c *processor.Context[text, text]) (processor.Func[text, text], error) {
		low, high := low.In(c), high.In(c)
		return func(r record.Record[text, text]) error {
			marked := r.WithTime(r.Time() + 1).WithHeaders(r.Headers().With("routed", []byte("yes")))
			if r.IsTombstone() || r.Value().V < "v4" {
				low.Emit(marked)
			}
			if r.IsTombstone() || r.Value().V >= "v4" {
				high.Emit(marked)
			}
			return nil
		}, nil
	}
}

// countRecent counts the records of the key in the ten seconds before each.
func countRecent(recent store.WindowRef[text, text]) processor.ValueSetup[text, text, int64] {
	return func(c *processor.ValueContext[text, int64]) (processor.ValueFunc[text, text], error) {
		recent := recent.In(c)
		return func(r record.FixedKey[text, text]) error {
			if !r.HasKey() {
				return nil
			}
			recent.Put(r.Key(), r.Time(), r.Value())
			n := int64(0)
			for range recent.Range(r.Key(), r.Time()-10_000, r.Time()) {
				n++
			}
			c.Forward(r.WithValue(n))
			return nil
		}, nil
	}
}

// tellVersions tells what putting a version returned, the latest version, and the one of five seconds
// before.
func tellVersions(versions store.VersionedRef[text, text]) processor.Setup[text, text, text, text] {
	tell := func(v store.Version[text], ok bool) string {
		if !ok {
			return "none"
		}
		return fmt.Sprintf("%s@%d", v.Value.V, v.From)
	}
	return func(c *processor.Context[text, text]) (processor.Func[text, text], error) {
		versions := versions.In(c)
		return func(r record.Record[text, text]) error {
			if !r.HasKey() {
				return nil
			}
			to, ok := versions.Put(r.Key(), r.Value(), r.Time())
			switch {
			case !ok:
				to = math.MinInt64 // Java's PUT_RETURN_CODE_NOT_PUT
			case to == store.EndOfTime:
				to = -1 // Java's PUT_RETURN_CODE_VALID_TO_UNDEFINED
			}
			now, before := tell(versions.Get(r.Key())), tell(versions.AsOf(r.Key(), r.Time()-5_000))
			c.Forward(r.WithValue(valid(fmt.Sprintf("%d now=%s before=%s", to, now, before))))
			return nil
		}, nil
	}
}
