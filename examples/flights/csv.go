package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

//go:embed data/flights-2013-q1.csv.gz data/airlines.csv data/airports.csv
var builtIn embed.FS

// builtInData stands for the data that comes with the program.
const builtInData = "data/flights-2013-q1.csv.gz"

// openData opens a gzipped file: of that path, or the built-in one if it is empty.
func openData(path string) (name string, r io.ReadCloser, err error) {
	if path == "" {
		data, err := builtIn.ReadFile(builtInData)
		if err != nil {
			return builtInData, nil, err
		}
		name, r = builtInData, io.NopCloser(bytes.NewReader(data))
	} else {
		f, err := os.Open(path)
		if err != nil {
			return path, nil, err
		}
		name, r = path, f
	}
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		_ = r.Close()
		return name, nil, fmt.Errorf("%s: is not a gzip file: %w", name, err)
	}
	return name, struct {
		io.Reader
		io.Closer
	}{unzipped, r}, nil
}

// readFlights reads the data in the order of published. The error names the row, counted from 1
// behind the header, and the column.
func readFlights(path string) ([]Flight, error) {
	name, r, err := openData(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	flights, err := parseFlights(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return flights, nil
}

func parseFlights(r io.Reader) ([]Flight, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("is empty")
	}
	if err != nil {
		return nil, err
	}
	c := columns{at: map[string]int{}}
	for i, name := range header {
		c.at[name] = i
	}
	for _, name := range []string{"published", "scheduled", "carrier", "origin", "dep_delay"} {
		if _, ok := c.at[name]; !ok {
			return nil, fmt.Errorf("column %q is missing: the header is %q", name, header)
		}
	}
	var flights []Flight
	for {
		if c.row, err = rows.Read(); errors.Is(err, io.EOF) {
			break
		}
		c.number++
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", c.number, err)
		}
		f, err := c.flight()
		if err != nil {
			return nil, err
		}
		flights = append(flights, f)
	}
	if len(flights) == 0 {
		return nil, errors.New("has no rows")
	}
	slices.SortStableFunc(flights, func(a, b Flight) int { return cmp.Compare(a.Published, b.Published) })
	for i := range flights {
		flights[i].Seq = i + 1
	}
	return flights, nil
}

// columns reads the fields of a row by their columns' names.
type columns struct {
	at     map[string]int
	row    []string
	number int
	err    error // the row's first
}

func (c *columns) flight() (Flight, error) {
	c.err = nil
	f := Flight{
		Published: c.integer("published"),
		Scheduled: c.integer("scheduled"),
		Carrier:   c.text("carrier"),
		Origin:    c.text("origin"),
	}
	if c.row[c.at["dep_delay"]] != "" {
		f.DepDelay = new(c.integer("dep_delay"))
	}
	return f, c.err
}

func (c *columns) text(column string) string {
	s := c.row[c.at[column]]
	if s == "" {
		c.fail(column, "is empty")
	}
	return string([]byte(s)) // the reader's row is one long string: keep this piece of it alone
}

func (c *columns) integer(column string) int64 {
	s := c.row[c.at[column]]
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		c.fail(column, fmt.Sprintf("%q is not a whole number", s))
	}
	return n
}

func (c *columns) fail(column, problem string) {
	if c.err == nil {
		c.err = fmt.Errorf("row %d, column %s: %s", c.number, column, problem)
	}
}
