package conformance

import (
	"fmt"
	"math"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
	"github.com/pitwheel/pitwheel/windowing"
)

// topo is a case's topology while it is built: the builder, the stores to be read when a scenario
// is over, and how the driver is set up.
type topo struct {
	*topology.Builder
	stores  []storeReader
	options []streamtest.Option

	// refuses says, by changelog topic, whether the store refuses a put of that time, given the
	// highest put before it.
	refuses map[string]func(at, highest int64) bool
}

// storeReader reads a store's rows: by key, as the vectors write them.
type storeReader struct {
	name string
	rows func(d *streamtest.Driver) map[string]string
}

// keeps makes the table's store one to be compared.
func (b *topo) keeps[K, V any](t topology.Table[K, V]) topology.Table[K, V] {
	ref := t.Store()
	b.stores = append(b.stores, storeReader{ref.Use().Name, func(d *streamtest.Driver) map[string]string {
		return keyValueRows(d, ref)
	}})
	return t
}

// keepsWindows makes the table's store one to be compared.
func (b *topo) keepsWindows[K, V any](t topology.WindowedTable[K, V]) topology.WindowedTable[K, V] {
	ref := t.Store()
	b.stores = append(b.stores, storeReader{ref.Use().Name, func(d *streamtest.Driver) map[string]string {
		return windowRows(d, ref)
	}})
	return t
}

// keepsSessions makes the table's store one to be compared: sessions have no times in Java's.
func (b *topo) keepsSessions[K, V any](t topology.SessionTable[K, V]) topology.SessionTable[K, V] {
	ref := t.Store()
	b.stores = append(b.stores, storeReader{ref.Use().Name, func(d *streamtest.Driver) map[string]string {
		rows := map[string]string{}
		for k, v := range d.Session(ref).All(0, math.MaxInt64) {
			rows[fmt.Sprintf("%s@%d/%d", keyText(k.Key), k.Start, k.End)] = showGo(v)
		}
		return rows
	}})
	return t
}

// keepsState makes a store of processors one to be compared, with its rows' times.
func (b *topo) keepsState[K, V any](ref store.KeyValueRef[K, V]) store.KeyValueRef[K, V] {
	b.stores = append(b.stores, storeReader{ref.Use().Name, func(d *streamtest.Driver) map[string]string {
		return keyValueRows(d, ref)
	}})
	return ref
}

// keepsBare is keepsState for one whose rows have no times in Java.
func (b *topo) keepsBare[K, V any](ref store.KeyValueRef[K, V]) store.KeyValueRef[K, V] {
	b.stores = append(b.stores, storeReader{ref.Use().Name, func(d *streamtest.Driver) map[string]string {
		rows := map[string]string{}
		for k, v := range d.KeyValue(ref).All() {
			rows[keyText(k)] = showGo(v)
		}
		return rows
	}})
	return ref
}

// keepsBareWindows makes a window store of processors, whose rows have no times in Java, one to be
// compared.
func (b *topo) keepsBareWindows[K, V any](
	ref store.WindowRef[K, V], refuses func(at, highest int64) bool,
) store.WindowRef[K, V] {
	name := ref.Use().Name
	b.refusing(name, refuses)
	b.stores = append(b.stores, storeReader{name, func(d *streamtest.Driver) map[string]string {
		rows := map[string]string{}
		for k, v := range d.Window(ref).All(0, math.MaxInt64) {
			rows[fmt.Sprintf("%s@%d/%d", keyText(k.Key), k.Start, k.End)] = showGo(v)
		}
		return rows
	}})
	return ref
}

// keepsVersions makes a versioned store of processors one to be compared: its latest versions.
func (b *topo) keepsVersions[K, V any](
	ref store.VersionedRef[K, V], refuses func(at, highest int64) bool,
) store.VersionedRef[K, V] {
	name := ref.Use().Name
	b.refusing(name, refuses)
	b.stores = append(b.stores, storeReader{name, func(d *streamtest.Driver) map[string]string {
		rows := map[string]string{}
		for k, v := range d.Versioned(ref).All() {
			rows[keyText(k)] = timed(showGo(v.Value), int64(v.From))
		}
		return rows
	}})
	return ref
}

func (b *topo) refusing(store string, refuses func(at, highest int64) bool) {
	if b.refuses == nil {
		b.refuses = map[string]func(at, highest int64) bool{}
	}
	b.refuses["app-"+store+"-changelog"] = refuses
}

func keyValueRows[K, V any](d *streamtest.Driver, ref store.KeyValueRef[K, V]) map[string]string {
	rows := map[string]string{}
	for e := range d.KeyValue(ref).Entries() {
		rows[keyText(e.Key)] = timed(showGo(e.Value), int64(e.Time))
	}
	return rows
}

func windowRows[K, V any](d *streamtest.Driver, ref store.WindowRef[K, V]) map[string]string {
	rows := map[string]string{}
	for e := range d.Window(ref).Entries(0, math.MaxInt64) {
		key := fmt.Sprintf("%s@%d/%d", keyText(e.Key.Key), e.Key.Start, e.Key.End)
		rows[key] = timed(showGo(e.Value), int64(e.Time))
	}
	return rows
}

// timed is a row of a store that keeps times.
func timed(value string, ts int64) string { return fmt.Sprintf("%s @ %d", value, ts) }

// Java's String, Long and Integer may be null.
type (
	text   = serde.Null[string]
	number = serde.Null[int64]
)

var (
	textSerde    = serde.Nullable(serde.String())
	numberSerde  = serde.Nullable(serde.Int64())
	integerSerde = serde.Nullable(serde.Int32())
)

// texts is a topic of words, as the generator's SS and TO_SS.
func texts(name string) topology.Topic[text, text] {
	return topology.NewTopic(name, textSerde, textSerde)
}

// numbers is a topic of numbers, as the generator's SL and TO_SL.
func numbers(name string) topology.Topic[text, number] {
	return topology.NewTopic(name, textSerde, numberSerde)
}

// counts is a topic of numbers that are never null.
func counts(name string) topology.Topic[text, int64] {
	return topology.NewTopic(name, textSerde, serde.Int64())
}

// windowed is the topic of a windowed table.
func windowed[V any](w windowing.Windows, value serde.Serde[V]) topology.Topic[windowing.Key[text], V] {
	return topology.NewTopic("out", w.KeySerde(textSerde), value)
}

// inSessions is the topic of a table by session.
func inSessions[V any](value serde.Serde[V]) topology.Topic[windowing.Key[text], V] {
	return topology.NewTopic("out", fiveGap.KeySerde(textSerde), value)
}

// valid is a text that is not null.
func valid(s string) text { return text{V: s, Valid: true} }

// plus is Java's + of two strings, which writes a null as "null".
func plus(parts ...any) text {
	s := ""
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			s += p
		case text:
			s += p.String()
		case number:
			s += p.String()
		}
	}
	return valid(s)
}
