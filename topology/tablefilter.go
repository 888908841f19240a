package topology

import (
	"fmt"

	"github.com/pitwheel/pitwheel/processor"
)

// Filter is the rows that keep answers true to; an update to another row is a deletion. Name names
// the step. Kafka: KTable.filter.
func (t Table[K, V]) Filter(keep func(K, V) bool, opts ...StoreOption) Table[K, V] {
	return filterTable(t, "Filter", keep, processor.FilterTable[K, V], opts)
}

// FilterNot is the rows that drop answers false to; an update to another row is a deletion. Name
// names the step. Kafka: KTable.filterNot.
func (t Table[K, V]) FilterNot(drop func(K, V) bool, opts ...StoreOption) Table[K, V] {
	return filterTable(t, "FilterNot", drop, processor.FilterNotTable[K, V], opts)
}

// filterTable adds the step. Kafka Streams: KTableImpl.doFilter.
func filterTable[K, V any](
	t Table[K, V], verb string, test func(K, V) bool, operator tableFilter[K, V], opts []StoreOption,
) Table[K, V] {
	t.n.mustBe(verb)
	b, s := t.n.builder, settingsOf(opts)
	storeName := b.tableStoreNamed(s, tableFilterPrefix)
	n := b.call(verb, b.named(s, tableFilterPrefix))
	n.processor()
	if storeName == "" {
		storeName = storeBeside(tableFilterPrefix, b.index-1)
	}
	k := newKeeper(n, s, storeName, t.key, t.value)
	k.keyed()
	if s.wantsStore() {
		k.keep()
	}
	// What is not there and was not there need not go on, if that can be seen at no further cost.
	old := t.n.enableOld(false)
	n.askOld = func(force bool) bool {
		old = k.kept || t.n.enableOld(force) || old
		return old
	}
	b.add(n, t.n)
	n.needs(test != nil).binds(func(c binding) any {
		return operator(c.step(), test, k.rows(c), old, k.changes(c))
	})
	return k.table()
}

// tableFilter is FilterTable or FilterNotTable.
type tableFilter[K, V any] func(
	step *processor.Step, test func(K, V) bool, rows keyValueRows[K, V], old bool, out processor.ChangeOut[K, V],
) processor.EmitChange[K, V]

// tableStoreNamed is the store's name where a table's step may do without a store; empty: the
// options say nothing of one, and Kafka Streams, which has not been given a Materialized, takes no
// number.
func (b *Builder) tableStoreNamed(s settings, prefix string) string {
	if s.materialized() {
		return b.storeNamed(s, prefix)
	}
	return ""
}

// storeBeside is a store's name with the number of its step: to ask for a store later takes no
// number, which would change all names behind it.
func storeBeside(prefix string, number int) string {
	return fmt.Sprintf("%s%s%010d", prefix, storeInfix, number)
}
