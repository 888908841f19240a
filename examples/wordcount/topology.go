package main

import (
	"strings"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

var (
	lines  = topology.NewTopic("lines", serde.String(), serde.String())
	counts = topology.NewTopic("word-counts", serde.String(), serde.Int64())
)

// wordCount reads lines, cuts them into words and counts each word.
func wordCount() (*topology.Plan, error) {
	b := topology.NewBuilder()
	b.StreamOf(topology.Topics(lines)).
		FlatMapValues(func(_, line string, emit func(string)) {
			for word := range strings.FieldsSeq(strings.ToLower(line)) {
				emit(word)
			}
		}).
		// A word may stand in lines of several partitions. Grouping by it writes the words to a
		// repartition topic, so that all of one word come to one task.
		GroupBy(func(_, word string) string { return word }, topology.Name("words")).
		Count(topology.As("counts")).
		ToStream().
		To(counts)
	return b.Build()
}
