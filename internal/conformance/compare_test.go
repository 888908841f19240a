package conformance

import (
	"slices"
	"strconv"
	"strings"
)

// compare compares what one step wrote to a topic.
func (r *run) compare(topic string, got, want []row) error {
	if r.output(topic) == nil && strings.HasSuffix(topic, "-changelog") {
		return r.compareChangelog(topic, got, want)
	}
	if slices.Contains(r.scenario.UnorderedTopics, topic) {
		sortByKey(got)
		sortByKey(want)
	}
	for i := range want {
		if i == len(got) {
			return r.differs("topic "+topic, "record %d is missing: %v (got %d records, want %d)",
				i, want[i], len(got), len(want))
		}
		if err := r.compareRow("topic "+topic, got[i], want[i]); err != nil {
			return err
		}
	}
	if len(got) > len(want) {
		return r.differs("topic "+topic, "record %d is too many: %v (want %d records)",
			len(want), got[len(want)], len(want))
	}
	return nil
}

func sortByKey(rows []row) {
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.key, b.key) })
}

func (r *run) compareRow(where string, got, want row) error {
	for _, field := range []struct{ name, got, want string }{
		{"key", got.key, want.key},
		{"value", got.value, want.value},
		{"ts", got.ts, want.ts},
		{"headers", got.headers, want.headers},
	} {
		if field.got != field.want {
			return r.differs(where+", "+field.name, "got %s, want %s\n got %v\nwant %v",
				field.got, field.want, got, want)
		}
	}
	return nil
}

// compareChangelog compares the last record of each key: a write-back cache may write once what
// Java writes twice. It may leave out the tombstone of a key that has no row.
func (r *run) compareChangelog(topic string, got, want []row) error {
	before := r.changelogs[topic]
	if before == nil {
		before = map[string]string{}
		r.changelogs[topic] = before
	}
	want = r.accepted(topic, want)
	gotLast, wantLast := lastByKey(got), lastByKey(want)
	for _, key := range keysOf(want) {
		w := wantLast[key]
		g, ok := gotLast[key]
		was, known := before[key]
		switch hadRow := known && was != "null"; {
		case ok:
			if err := r.compareRow("topic "+topic, g, w); err != nil {
				return err
			}
		case w.value != "null" || hadRow:
			return r.differs("topic "+topic, "no record of key %s, want %v", key, w)
		}
		before[key] = w.value
	}
	for _, key := range keysOf(got) {
		if _, ok := wantLast[key]; !ok {
			return r.differs("topic "+topic, "got %v, want no record of key %s", gotLast[key], key)
		}
	}
	return nil
}

// accepted is without the puts that the store refused: Java writes them to the changelog too, pitwheel
// does not; see docs/deviations.md.
func (r *run) accepted(topic string, want []row) []row {
	refuses := r.refuses[topic]
	if refuses == nil {
		return want
	}
	var rows []row
	for _, x := range want {
		at, err := strconv.ParseInt(x.ts, 10, 64)
		if err != nil {
			panic(err)
		}
		if refuses(at, r.highest[topic]) {
			continue
		}
		r.highest[topic] = max(r.highest[topic], at)
		rows = append(rows, x)
	}
	return rows
}

func lastByKey(rows []row) map[string]row {
	last := map[string]row{}
	for _, x := range rows {
		last[x.key] = x
	}
	return last
}

// keysOf are the keys in the order of their first records.
func keysOf(rows []row) []string {
	var keys []string
	for _, x := range rows {
		if !slices.Contains(keys, x.key) {
			keys = append(keys, x.key)
		}
	}
	return keys
}
