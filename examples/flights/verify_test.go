package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"os"
	"testing"
)

// rightResults is an answer and results that equal it.
func rightResults() (answer, *results) {
	right := answer{
		hours:    map[hour]total{{"JFK", 0}: {2, 5}, {"EWR", 3600}: {3, -1}},
		airlines: map[string]total{"AA": {2, 5}, "UA": {3, -1}},
	}
	got := &results{
		hours:    map[hour]Delays{{"JFK", 0}: {Flights: 2, Sum: 5}, {"EWR", 3600}: {Flights: 3, Sum: -1}},
		airlines: map[string]Delays{"American": {Flights: 2, Sum: 5}, "UA": {Flights: 3, Sum: -1}},
	}
	return right, got
}

func TestEveryDifferenceIsFound(t *testing.T) {
	tests := map[string]struct {
		spoil func(*results)
		want  proof
	}{
		"none":           {func(*results) {}, proof{windows: 2, in: 5, counted: 5, airlines: 2}},
		"flight lost":    {func(r *results) { r.hours[hour{"JFK", 0}] = Delays{Flights: 1, Sum: 5} }, proof{windows: 2, in: 5, counted: 4, lost: 1, airlines: 2}},
		"flight doubled": {func(r *results) { r.hours[hour{"JFK", 0}] = Delays{Flights: 4, Sum: 5} }, proof{windows: 2, in: 5, counted: 7, doubled: 2, airlines: 2}},
		"window lost":    {func(r *results) { delete(r.hours, hour{"EWR", 3600}) }, proof{windows: 1, in: 5, counted: 2, lost: 3, airlines: 2}},
		"window made up": {func(r *results) { r.hours[hour{"LGA", 0}] = Delays{Flights: 1} }, proof{windows: 3, in: 5, counted: 6, doubled: 1, airlines: 2}},
		"wrong sum":      {func(r *results) { r.hours[hour{"JFK", 0}] = Delays{Flights: 2, Sum: 6} }, proof{windows: 2, in: 5, counted: 5, wrong: 1, airlines: 2}},
		"airline wrong":  {func(r *results) { r.airlines["UA"] = Delays{Flights: 2, Sum: -1} }, proof{windows: 2, in: 5, counted: 5, airlines: 2}},
		"airline lost":   {func(r *results) { delete(r.airlines, "UA") }, proof{windows: 2, in: 5, counted: 5, airlines: 1}},
		"airline extra":  {func(r *results) { r.airlines["??"] = Delays{Flights: 1} }, proof{windows: 2, in: 5, counted: 5, airlines: 3}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			right, got := rightResults()
			tt.spoil(got)
			p := compare(got, right, names{airlines: map[string]string{"AA": "American"}})
			if p.String() != tt.want.String() {
				t.Errorf("got  %v\nwant %v", p, tt.want)
			}
			if p.holds() != (name == "none") {
				t.Errorf("it holds: %v, with the differences %q", p.holds(), p.differ)
			}
			if err := judge(p, io.Discard); (err == nil) != (name == "none") {
				t.Errorf("judged as %v", err)
			}
		})
	}
}

func TestTheOutputHasTheFormOfThePublishedAnswer(t *testing.T) {
	hours := map[hour]Delays{}
	for of, t := range maps.All(expectedHours(t)) {
		hours[of] = Delays{Flights: t.flights, Sum: t.delaySum}
	}
	var got bytes.Buffer
	if err := writeHours(&got, hours); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("data/expected-hourly-q1.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("the file differs from the published one")
	}
}
