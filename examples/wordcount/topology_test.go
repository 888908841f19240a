package main

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/streamtest"
)

func TestEachWordIsCountedWhateverItsCase(t *testing.T) {
	plan, err := wordCount()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, plan, streamtest.Partitions(3))
	in, out := d.Input(lines), d.Output(counts)
	in.Pipe("1", "The wheel turns, the mill", 0)
	in.Pipe("2", "grinds: THE mill!", 1)
	in.Pipe("3", "", 2)

	last := map[string]int64{}
	for _, r := range out.All() {
		if r.Value() != last[r.Key()]+1 {
			t.Errorf("%q went from %d to %d", r.Key(), last[r.Key()], r.Value())
		}
		last[r.Key()] = r.Value()
	}
	want := map[string]int64{"the": 3, "wheel": 1, "turns": 1, "mill": 2, "grinds": 1}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Error(diff)
	}
}

func TestWordsOfOneKindMeetInOnePartition(t *testing.T) {
	plan, err := wordCount()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, plan, streamtest.Partitions(3), streamtest.ApplicationID(application))
	in := d.Input(lines)
	for i, key := range []string{"1", "2", "3", "4", "5", "6"} {
		in.Pipe(key, "one two three four", record.Time(i))
	}
	of := map[string]map[int32]bool{}
	for _, r := range d.Written(words) {
		word := string(r.Value)
		if of[word] == nil {
			of[word] = map[int32]bool{}
		}
		of[word][r.Partition] = true
	}
	if len(of) != 4 {
		t.Fatalf("the repartition topic has the words %v", of)
	}
	all := map[int32]bool{}
	for word, partitions := range of {
		if len(partitions) != 1 {
			t.Errorf("%q is in %d partitions", word, len(partitions))
		}
		maps.Copy(all, partitions)
	}
	if len(all) < 2 {
		t.Errorf("all words are in one partition: %v", of)
	}
}
