package topology

import (
	"fmt"
	"time"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

// SuppressUntilTimeLimit holds each key's updates back for d of stream time, from the first one on, and
// hands on the last. It only moves on with new records. Kafka: KTable.suppress,
// Suppressed.untilTimeLimit (KIP-328).
func (t Table[K, V]) SuppressUntilTimeLimit(d time.Duration, opts ...TimeLimitOption) Table[K, V] {
	t.n.mustBe("SuppressUntilTimeLimit")
	s := suppressing(t.n, "SuppressUntilTimeLimit", settingsOf(opts), plainKey(t.key), t.value)
	s.limit(d)
	t.n, t.keep = s.n, s.unreadable
	t.store = s.store.Name
	return t
}

// SuppressUntilTimeLimit holds each window's updates back for d of stream time, from the first one on, and
// hands on the last. It only moves on with new records. Kafka: KTable.suppress,
// Suppressed.untilTimeLimit (KIP-328).
func (t WindowedTable[K, V]) SuppressUntilTimeLimit(d time.Duration, opts ...TimeLimitOption) WindowedTable[K, V] {
	t.n.mustBe("SuppressUntilTimeLimit")
	s := suppressing(t.n, "SuppressUntilTimeLimit", settingsOf(opts), t.keys.wanted(t.key), t.value)
	s.limit(d)
	return t.suppressed(s.n, s.store.Name)
}

// SuppressUntilClose hands each window on once, when stream time has reached its end and grace, as it was
// updated last. EmitOnClose before the aggregation does the same without a buffer. As in Kafka Streams,
// where windows hold their end a record of just that time may still come, and the window goes on again.
// Kafka: KTable.suppress, Suppressed.untilWindowCloses (KIP-328).
func (t WindowedTable[K, V]) SuppressUntilClose(opts ...SuppressOption) WindowedTable[K, V] {
	t.n.mustBe("SuppressUntilClose")
	s := suppressing(t.n, "SuppressUntilClose", settingsOf(opts), t.keys.wanted(t.key), t.value)
	if t.keys.endless {
		s.n.fail("unlimited windows never close", "use SuppressUntilTimeLimit")
	}
	s.config.Wait, s.config.Final = t.keys.grace, true
	s.config.BufferTime = func(k windowing.Key[K]) record.Time { return k.End }
	return t.suppressed(s.n, s.store.Name)
}

// windowKeys is what steps behind a windowed aggregation know of its windows.
type windowKeys[K any] struct {
	serdeOf func(serde.Serde[K]) serde.Serde[windowing.Key[K]]
	grace   time.Duration // from a window's end until it is closed
	endless bool          // they have no end
}

// wantedKey looks up the serde of a step's keys, and gives it when all are known.
type wantedKey[K any] func(n *node) func() serde.Serde[K]

func plainKey[K any](have serde.Serde[K]) wantedKey[K] {
	return func(n *node) func() serde.Serde[K] {
		w := want(n, have, "the key", keyFix)
		return func() serde.Serde[K] { return w.serde }
	}
}

// wanted is the serde of windowed keys: have is that of the keys in them.
func (k *windowKeys[K]) wanted(have serde.Serde[K]) wantedKey[windowing.Key[K]] {
	return func(n *node) func() serde.Serde[windowing.Key[K]] {
		w := want(n, have, "the key", keyFix)
		return func() serde.Serde[windowing.Key[K]] { return k.serdeOf(w.serde) }
	}
}

// suppressed is the table behind a suppression.
func (t WindowedTable[K, V]) suppressed(n *node, buffer string) WindowedTable[K, V] {
	t.store = buffer
	return t.behind(n)
}

// suppression is a suppressing step while it is made.
type suppression[K, V any] struct {
	n      *node
	store  *plan.Store
	key    func() serde.Serde[K]
	value  *wanted[V]
	config processor.SuppressConfig[K, V]
}

// suppressing makes the step behind parent, and its buffer. Kafka Streams: KTableImpl.suppress.
func suppressing[K, V any](
	parent *node, verb string, s settings, key wantedKey[K], value serde.Serde[V],
) *suppression[K, V] {
	b := parent.builder
	name, buffer := s.name, s.name+suppressSuffix
	if !s.given[nameOption] {
		name = b.generate(suppressPrefix)
		buffer = b.generate(suppressPrefix + storeInfix)
	}
	n := b.call(verb, name)
	n.processor()
	n.checkStore(s, buffer)
	n.checkBounds(s)
	b.add(n, parent)
	x := &suppression[K, V]{n: n, store: &plan.Store{
		Name: buffer, Kind: plan.KeyValue, Logged: !s.given[noChangelogOption], InMemory: s.given[inMemoryOption],
		TopicConfig: s.config, Headers: processor.SuppressHeaders,
	}}
	x.config.MaxRecords, x.config.MaxBytes, x.config.EmitEarly = s.maxRecords, s.maxBytes, s.given[emitEarlyOption]
	x.key = key(n)
	x.value = want(n, value, "the value", storeFix)
	n.requireName(s.given[nameOption], "store", buffer, "add topology.Name")
	n.keeps(x.store)
	// What leaves goes with what it replaced, whoever wants that.
	parent.enableOld(true)
	x.store.Open = func(space *store.Space) store.State {
		key := serde.Bind(x.key(), buffer+changelogSuffix, serde.Key)
		return store.OpenKeyValue(space, store.Definition{Name: buffer, InMemory: x.store.InMemory}, key, serde.Bytes())
	}
	n.binds(func(c binding) any {
		config := x.config
		topic := buffer + changelogSuffix
		config.Key = serde.Bind(x.key(), topic, serde.Key)
		config.Value = serde.Bind(x.value.serde, topic, serde.Value)
		rows := c.Store(buffer).(*store.KeyValueStore[K, []byte])
		return processor.Suppress(c.step(), c.Runtime(), rows, config, processor.FanOutChanges[K, V](c.next))
	})
	return x
}

// limit makes it one until a time limit.
func (s *suppression[K, V]) limit(d time.Duration) {
	s.config.Wait = d
	if d < 0 || d%time.Millisecond != 0 {
		s.n.fail(fmt.Sprintf("the time limit is %v", d), "give a whole number of milliseconds, not negative")
	}
}

// unreadable is for a store that is asked of a suppressed table.
func (s *suppression[K, V]) unreadable() {
	s.n.fail(noStore, readBefore)
}

// What is said where a store is asked of a table that keeps no rows.
const (
	noStore    = "the table keeps no rows of its own to read"
	readBefore = "read the table before it"
)

// checkBounds reports bounds of a buffer that cannot be.
func (n *node) checkBounds(s settings) {
	if s.given[maxRecordsOption] && s.maxRecords < 1 {
		n.fail(fmt.Sprintf("the option MaxRecords is %d", s.maxRecords), "give at least 1")
	}
	if s.given[maxBytesOption] && s.maxBytes < 1 {
		n.fail(fmt.Sprintf("the option MaxBytes is %d", s.maxBytes), "give at least 1")
	}
	if s.given[emitEarlyOption] && !s.given[maxRecordsOption] && !s.given[maxBytesOption] {
		n.fail("the option EmitEarly stands without a bound", "add MaxRecords or MaxBytes")
	}
}
