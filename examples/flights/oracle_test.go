package main

import (
	"compress/gzip"
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheOracleKnowsThePublishedAnswer(t *testing.T) {
	want := expectedHours(t)
	if len(want) != 4794 {
		t.Fatalf("the answer has %d windows", len(want))
	}
	got, err := oracle("")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.hours, cmp.AllowUnexported(hour{}, total{})); diff != "" {
		t.Error(diff)
	}
}

func TestTheOracleCountsByHourAndByAirline(t *testing.T) {
	got, err := count(strings.NewReader("carrier,published,scheduled,origin,dep_delay\n" +
		"AA,1,3599,JFK,5\n" + "AA,1,3600,JFK,\n" + "UA,0,7199,JFK,-7\n" + "UA,0,3600,EWR,2\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := answer{
		hours:    map[hour]total{{"JFK", 0}: {1, 5}, {"JFK", 3600}: {2, -7}, {"EWR", 3600}: {1, 2}},
		airlines: map[string]total{"AA": {2, 5}, "UA": {2, -5}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(answer{}, hour{}, total{})); diff != "" {
		t.Error(diff)
	}
}

// expectedHours is the answer that came with the data.
func expectedHours(t *testing.T) map[hour]total {
	t.Helper()
	f, err := os.Open("data/expected-hourly-q1.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(unzipped).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	hours := map[hour]total{}
	for _, row := range rows[1:] {
		var n [3]int64
		for i := range n {
			if n[i], err = strconv.ParseInt(row[i+1], 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		hours[hour{row[0], n[0]}] = total{n[1], n[2]}
	}
	return hours
}
