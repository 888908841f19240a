package streamtest

import (
	"maps"
	"slices"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

// Record is record.Record, so that a test needs no other import.
type Record[K, V any] = record.Record[K, V]

// Output is a topic to read from. Kafka: TestOutputTopic.
type Output[K, V any] struct {
	d     *Driver
	topic *topic
	key   serde.Serde[K]
	value serde.Serde[V]
}

// Output is for reading what the plan has written to a topic: an internal one, a changelog or a
// dead-letter topic too. All Outputs of a topic share one position: a record is handed out once.
func (d *Driver) Output[K, V any](t topology.Topic[K, V]) Output[K, V] {
	d.t.Helper()
	if writes, all := d.writes(); !all && !slices.Contains(writes, t.Name()) {
		d.t.Fatalf("streamtest: the plan does not write topic %q; it writes %q", t.Name(), writes)
	}
	return Output[K, V]{
		d: d, topic: d.topic(t.Name()),
		key:   serde.Bind(t.KeySerde(), t.Name(), serde.Key),
		value: serde.Bind(t.ValueSerde(), t.Name(), serde.Value),
	}
}

// writes is every topic that may get a record, sorted. all: it may be any, as a step or an error
// policy chooses by record.
func (d *Driver) writes() (names []string, all bool) {
	app := d.settings.applicationID
	of := map[string]bool{}
	deadLetters := func(p topology.ErrorPolicies) {
		topics, others := p.DeadLetterTopics()
		for _, topic := range topics {
			of[topic] = true
		}
		all = all || others
	}
	deadLetters(d.settings.policies)
	for _, sub := range d.plan.Compiled().Subtopologies {
		for _, n := range sub.Nodes {
			deadLetters(n.OnError)
			all = all || n.Kind == plan.Sink && len(n.Topics) == 0
			for _, name := range n.Topics {
				if n.Kind == plan.Sink && n.Internal {
					name = plan.TopicName(app, name)
				}
				of[name] = of[name] || n.Kind == plan.Sink
			}
		}
		for _, s := range sub.Stores {
			if s.Logged {
				of[plan.ChangelogTopic(app, s.Name)] = true
			}
		}
	}
	delete(of, "")
	maps.DeleteFunc(of, func(_ string, written bool) bool { return !written })
	return slices.Sorted(maps.Keys(of)), all
}

// Next is the next record, in the order written; false if there is none yet. Bytes that do not
// decode fail the test.
func (o Output[K, V]) Next() (r Record[K, V], ok bool) {
	o.d.t.Helper()
	if o.topic.handed == len(o.topic.written) {
		return r, false
	}
	w := &o.topic.written[o.topic.handed]
	o.topic.handed++
	return o.decode(w), true
}

// All is what Next has not yet given.
func (o Output[K, V]) All() []Record[K, V] {
	o.d.t.Helper()
	var all []Record[K, V]
	for {
		r, ok := o.Next()
		if !ok {
			return all
		}
		all = append(all, r)
	}
}

func (o Output[K, V]) decode(w *Written) Record[K, V] {
	o.d.t.Helper()
	var (
		key   K
		value V
		err   error
	)
	if w.Key != nil {
		if key, err = o.key.Decode(w.Key); err != nil {
			o.d.t.Fatalf("streamtest: key of topic %q offset %d: %v", o.topic.Name, w.Offset, err)
		}
	}
	if w.Value != nil {
		if value, err = o.value.Decode(w.Value); err != nil {
			o.d.t.Fatalf("streamtest: value of topic %q offset %d: %v", o.topic.Name, w.Offset, err)
		}
	}
	noKey, noValue := w.Key == nil || record.IsNull(key), w.Value == nil || record.IsNull(value)
	return record.Make(key, noKey, value, noValue, w.Time, w.Headers)
}
