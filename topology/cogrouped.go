package topology

import (
	"slices"
	"strconv"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// Cogrouped is several grouped streams about to become one table: what comes of any of them is
// added to its key's one aggregate. Their topics must be partitioned alike. Kafka: CogroupedKStream.
type Cogrouped[K, A any] struct{ parts []*cogroupedPart[K, A] }

// cogroupedPart is one of the grouped streams. Its values' type is known to its functions alone.
type cogroupedPart[K, A any] struct {
	g     *grouping
	key   serde.Serde[K]
	by    keyedBy[K]
	topic *node // the repartition topic once it is made: the cogroup's aggregations share it

	keyed    func(c binding, rows keyValueRows[K, A], zero func() A, out processor.ChangeOut[K, A]) any
	sessions func(c binding, a *aggregation[K, A], f sessionFunctions[K, A],
		out processor.ChangeOut[windowing.Key[K], A]) any
	windowed func(c binding, a *aggregation[K, A], zero func() A,
		out processor.ChangeOut[windowing.Key[K], A]) any
}

// Cogroup begins to aggregate several grouped streams into one table, this one with add. Kafka:
// KGroupedStream.cogroup.
func (g GroupedStream[K, V]) Cogroup[A any](add func(K, V, A) A) Cogrouped[K, A] {
	g.g.mustBe("Cogroup")
	return Cogrouped[K, A]{}.with(cogroupedAs(g, add))
}

// Cogroup adds another grouped stream, which is aggregated with add. Kafka: CogroupedKStream.cogroup.
func (c Cogrouped[K, A]) Cogroup[V any](g GroupedStream[K, V], add func(K, V, A) A) Cogrouped[K, A] {
	c.mustBe("Cogroup")
	first := c.parts[0].g.parent
	n := first.builder.call("Cogroup", first.name)
	switch {
	case g.g == nil:
		n.fail("the grouped stream is a zero value", "take it from a stream's GroupByKey or GroupBy")
		return c
	case g.g.parent.builder != first.builder:
		n.fail("the grouped stream is of another builder", "make both with one Builder")
		return c
	case slices.ContainsFunc(c.parts, func(p *cogroupedPart[K, A]) bool { return p.g == g.g }):
		n.fail("the grouped stream was cogrouped before", "give each one once")
		return c
	}
	return c.with(cogroupedAs(g, add))
}

func cogroupedAs[K, V, A any](g GroupedStream[K, V], add func(K, V, A) A) *cogroupedPart[K, A] {
	g.g.parent.builder.call("Cogroup", g.g.parent.name).needs(add != nil)
	return &cogroupedPart[K, A]{
		g: g.g, key: g.key, by: g.by,
		keyed: func(c binding, rows keyValueRows[K, A], zero func() A, out processor.ChangeOut[K, A]) any {
			return processor.Aggregate(c.step(), rows, zero, add, out)
		},
		windowed: func(c binding, a *aggregation[K, A], zero func() A,
			out processor.ChangeOut[windowing.Key[K], A]) any {
			return foldWindows(c, a, zero, add, out)
		},
		sessions: func(c binding, a *aggregation[K, A], f sessionFunctions[K, A],
			out processor.ChangeOut[windowing.Key[K], A]) any {
			return foldSessions(c, a, processor.FoldSessions(f.zero, add, f.merge), out)
		},
	}
}

func (c Cogrouped[K, A]) with(part *cogroupedPart[K, A]) Cogrouped[K, A] {
	return Cogrouped[K, A]{append(slices.Clip(c.parts), part)}
}

func (c Cogrouped[K, A]) mustBe(verb string) {
	if len(c.parts) == 0 {
		(*node)(nil).mustBe(verb)
	}
}

// Aggregate folds the records of each key into an A: zero's answer to begin with, then what the
// function of a record's stream makes of it and the record. A null result deletes the row. Kafka:
// CogroupedKStream.aggregate.
func (c Cogrouped[K, A]) Aggregate(zero func() A, opts ...StoreOption) Table[K, A] {
	a := cogrouping(c, zero != nil, settingsOf(opts))
	a.keyed()
	for i, part := range c.parts {
		a.steps[i].binds(func(b binding) any {
			return part.keyed(b, a.rows(b), zero, b.next[0].(processor.ChangeOut[K, A]))
		})
	}
	a.n.binds(func(b binding) any { return a.changes(b).Shared(b.step()) })
	return a.table()
}

// WindowedBy aggregates by key and window. Kafka: CogroupedKStream.windowedBy.
func (c Cogrouped[K, A]) WindowedBy(w windowing.Windows) CogroupedWindows[K, A] {
	c.mustBe("WindowedBy")
	c.parts[0].g.checkWindows(w)
	return CogroupedWindows[K, A]{cogrouped: c, windows: w}
}

// CogroupedWindows is several grouped streams about to become one table by key and window. Kafka:
// TimeWindowedCogroupedKStream.
type CogroupedWindows[K, A any] struct {
	cogrouped Cogrouped[K, A]
	windows   windowing.Windows
}

// Aggregate folds the records of each key and window into an A: zero's answer to begin with, then
// what the function of a record's stream makes of it and the record. A null result deletes the
// window. Each stream has its own stream time, by which its records are late. Kafka:
// TimeWindowedCogroupedKStream.aggregate.
func (c CogroupedWindows[K, A]) Aggregate(zero func() A, opts ...WindowStoreOption) WindowedTable[K, A] {
	a := cogrouping(c.cogrouped, zero != nil, settingsOf(opts))
	a.windowed(c.windows, false)
	for i, part := range c.cogrouped.parts {
		a.steps[i].binds(func(b binding) any {
			out := b.next[0].(processor.ChangeOut[windowing.Key[K], A])
			return part.windowed(b, &a.aggregation, zero, out)
		})
	}
	a.n.binds(func(b binding) any { return a.windowChanges(b).Shared(b.step()) })
	return a.windowedTable()
}

// cogroupedSteps is a cogroup's steps while they are made: one per grouped stream, and n where they
// meet.
type cogroupedSteps[K, A any] struct {
	aggregation[K, A]
	steps []*node
}

// cogrouping makes the steps and the repartition topics before them. The order of the names is Kafka
// Streams': store, topics, aggregations, the step where they meet. Kafka Streams:
// CogroupedStreamAggregateBuilder.
func cogrouping[K, A any](c Cogrouped[K, A], given bool, s settings) *cogroupedSteps[K, A] {
	c.mustBe("Aggregate")
	b := c.parts[0].g.parent.builder
	storeName := b.storeNamed(s, cogroupPrefix)
	n := b.call("Aggregate", "")
	n.copartitions = true
	for _, part := range c.parts {
		part.takeTopic(n, storeName)
	}
	a := &cogroupedSteps[K, A]{}
	for i := range c.parts {
		step := b.call("Aggregate", b.suffixed(s, cogroupSuffix+strconv.Itoa(i), cogroupPrefix))
		step.processor()
		a.steps = append(a.steps, step)
	}
	n.name = b.suffixed(s, cogroupMergeSuffix, cogroupMergePrefix)
	n.processor()
	if s.given[nameOption] && nameProblem(s.name, "") == "" {
		n.checkName(s.name, cogroupMergeSuffix)
	}
	a.keeper = newKeeper[K, A](n, s, storeName, c.key(), nil)
	a.keyFix, a.holders = c.parts[0].g.keyFix, a.steps
	a.keep()
	n.needs(given)

	parents := make([]*node, len(c.parts))
	for i, part := range c.parts {
		parents[i] = part.parent(&a.aggregation)
	}
	for i, step := range a.steps {
		b.add(step, parents[i])
	}
	b.add(n, a.steps...)
	return a
}

// key is the first serde that came with one of the streams.
func (c Cogrouped[K, A]) key() serde.Serde[K] {
	for _, part := range c.parts {
		if part.key != nil {
			return part.key
		}
	}
	return nil
}

// takeTopic makes the part's repartition topic if it needs one and has none. Its numbers are taken
// each time.
func (p *cogroupedPart[K, A]) takeTopic(n *node, storeName string) {
	if !p.g.rekeyed {
		return
	}
	topic := n.builder.through(n, p.g.topicAfter(storeName))
	switch {
	case p.topic != nil:
	case p.g.shared != nil:
		p.topic = p.g.shared
	default:
		p.topic = topic
	}
}

// parent is what the part's aggregation reads.
func (p *cogroupedPart[K, A]) parent(a *aggregation[K, A]) *node {
	if !p.g.rekeyed {
		return p.g.parent
	}
	if p.topic.bindLike == nil {
		a.bindTopic(p.topic, p.g, p.by)
		a.n.builder.add(p.topic, p.g.parent)
	}
	return p.topic
}
