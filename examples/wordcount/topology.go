package main

import (
	"strings"
	"unicode"

	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/topology"
)

var (
	lines  = topology.NewTopic("lines", serde.String(), serde.String())
	counts = topology.NewTopic("word-counts", serde.String(), serde.Int64())
)

// wordCount cuts lines into words and counts each word. A word may stand in lines of several
// partitions: grouping by it goes through a repartition topic, so all of one word meet in one task.
func wordCount() (*topology.Plan, error) {
	b := topology.NewBuilder()
	b.Stream(lines).
		FlatMapValues(func(_, line string, emit func(string)) {
			for word := range strings.FieldsFuncSeq(strings.ToLower(line), notALetter) {
				emit(word)
			}
		}).
		GroupBy(func(_, word string) string { return word }, topology.Name("words")).
		Count(topology.As("counts")).
		ToStream().
		To(counts)
	return b.Build()
}

func notALetter(r rune) bool { return !unicode.IsLetter(r) }
