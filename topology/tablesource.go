package topology

import (
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// ToTable takes the stream as a table's updates: the latest value of each key is its row, a null
// value deletes it. It stands behind a repartition topic if the key was changed. Name names the
// step and that topic. Kafka: KStream.toTable.
func (s Stream[K, V]) ToTable(opts ...StoreOption) Table[K, V] {
	s.n.mustBe("ToTable")
	b, set := s.n.builder, settingsOf(opts)
	n := b.call("ToTable", b.named(set, toTablePrefix))
	n.processor()
	k := newKeeper(n, set, b.storeNamed(set, toTablePrefix), s.key, s.value)
	parent := s.n
	if s.rekeyed {
		parent = b.through(n, n.name)
		parent.movable = true
		n.checkTopicName(set)
		n.requireName(set.given[nameOption], "repartition topic", parent.repartition.Topic, "add topology.Name")
		partitionedBy(parent, want(n, s.key, "the key", keyFix), want(n, k.valueSerde, "the value", valueFix), nil)
		b.add(parent, s.n)
	}
	b.add(n, parent)
	return k.latest(n.head).table()
}

// Table reads a topic as a table: the latest value of each key is its row, a null value deletes it.
// The topic is read once, as a table or as a stream. Kafka: StreamsBuilder.table.
func (b *Builder) Table[K, V any](t Topic[K, V], opts ...TableOption) Table[K, V] {
	s := settingsOf(opts)
	storeName := b.storeNamed(s, t.Name()+"-")
	sourceName := b.suffixed(s, sourceSuffix, sourcePrefix)
	n := b.call("Table", b.named(s, tableSourcePrefix))
	specs := sourced(n, Topics(t), s)
	n.source.table = true
	if s.given[nameOption] && nameProblem(s.name, "") == "" {
		n.checkName(s.name, sourceSuffix)
	}
	if s.given[valueSerdeOption] {
		n.fail("the option ValueSerde is given, but the topic says how its values are written", optionFix)
	}

	read := &plan.Node{
		Name: sourceName, Kind: plan.Source, Topics: n.source.topics, Reset: s.reset, OnError: s.onError,
		Custom: n.source.custom,
	}
	bound(read, func(c binding) any { return newSource(c, specs) })
	table := &plan.Node{Name: n.name, Kind: plan.Processor, Parents: []*plan.Node{read}}
	read.Children = []*plan.Node{table}
	n.parts, n.tail = []*plan.Node{read, table}, table
	delete(s.given, valueSerdeOption) // reported
	k := newKeeper(n, s, storeName, t.KeySerde(), t.ValueSerde())
	b.add(n)
	k.latest(table)
	k.store.Rows = func() plan.RowReader { return k.reading(specs[0]) }
	return k.table()
}

// reading makes rows of the topic's records as the table's source does.
func (k *keeper[K, V]) reading(topic *topicSpec[K, V]) plan.RowReader {
	var read record.Record[K, V]
	take := func(r *record.Record[K, V]) error { read = *r; return nil }
	step := &processor.Step{Name: k.n.name, Host: deaf{}}
	source := processor.NewTypedSource(step, topic.reading(), take)(topic.name)
	key, value := k.storeSerdes()
	return func(raw *record.Raw, partitionTime record.Time) (row store.FrozenEntry, ok bool, err error) {
		if _, ok, err = source.Load(raw, partitionTime); !ok || err != nil {
			return row, false, err
		}
		if err = source.Emit(); err != nil || !read.HasKey() {
			return row, false, err
		}
		row.Time = read.Time()
		if row.Key, err = key.Append([]byte{}, read.Key()); err == nil && !read.IsTombstone() {
			row.Value, err = value.Append([]byte{}, read.Value())
		}
		return row, err == nil, err
	}
}

// deaf is the host of a step that reads again what was processed before: what failed then was
// reported then. A source puts nothing out and schedules nothing.
type deaf struct{ processor.Host }

func (deaf) Fail(*processor.Step, processor.Reason, error) error { return nil }

// latest makes the keeper that of a table's source, which is the plan's node pn.
func (k *keeper[K, V]) latest(pn *plan.Node) *keeper[K, V] {
	k.keyed()
	if k.settings.wantsStore() {
		k.keep()
	}
	k.n.askOld = func(force bool) bool {
		if force {
			k.keep()
		}
		return k.kept
	}
	bound(pn, func(c binding) any { return processor.TableSource(c.step(), k.rows(c), k.changes(c)) })
	return k
}
