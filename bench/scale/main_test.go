package main

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

const output = `goos: linux
BenchmarkKeys/keys=1000-2     	 10	  300 ns/op	 100.0 cpu-ns/record
BenchmarkKeys/keys=1000-2     	 10	  300 ns/op	 140.0 cpu-ns/record
BenchmarkKeys/keys=1000000-2  	 10	  900 ns/op	 300.0 cpu-ns/record
BenchmarkPartitions/partitions=64 	 10	  900 ns/op	 150.0 cpu-ns/record
BenchmarkIdle/tasks=200-2     	 1	  9 ns/op	 3.30 goroutines/task	 5600 restart-ms	 602.9 rss-KiB/task	 4500 start-ms
PASS
`

func TestTables(t *testing.T) {
	points, err := read(strings.NewReader(output))
	if err != nil {
		t.Fatal(err)
	}
	got := tables(points)
	for _, want := range []string{"| 1000 | 120 | 1.00 |\n| 1000000 | 300 | 2.50 |\n", "| 64 | 150 | 1.00 |\n", "| 200 | 4500 | 5600 | 603 | 3.3 |\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

func TestPictureIsOne(t *testing.T) {
	points, err := read(strings.NewReader(output))
	if err != nil {
		t.Fatal(err)
	}
	picture := draw(points)
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v:\n%s", err, picture)
		}
	}
	if n := strings.Count(picture, "<circle"); n != 3 {
		t.Errorf("%d points, want 3", n)
	}
	// 300 of an axis up to 400: a quarter below the top.
	if want := `cy="100.0"`; !strings.Contains(picture, want) {
		t.Errorf("%s is missing in\n%s", want, picture)
	}
}

func TestInputWithoutFiguresIsAnError(t *testing.T) {
	if _, err := read(strings.NewReader("PASS\n")); err == nil {
		t.Error("no error")
	}
}
