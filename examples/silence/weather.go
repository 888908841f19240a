package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/pitwheel/pitwheel/record"
)

//go:embed data/weather-2013-q1.csv.gz
var weatherFile []byte

// weather is what the stations reported, by time and then by station.
func weather() ([]record.Record[string, Reading], error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(weatherFile))
	if err != nil {
		return nil, fmt.Errorf("weather: %w", err)
	}
	rows, err := csv.NewReader(unpacked).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("weather: %w", err)
	}
	var all []record.Record[string, Reading]
	for i, row := range rows[1:] {
		r, err := reading(row)
		if err != nil {
			return nil, fmt.Errorf("weather: line %d: %w", i+2, err)
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b record.Record[string, Reading]) int {
		return cmp.Or(cmp.Compare(a.Time(), b.Time()), cmp.Compare(a.Key(), b.Key()))
	})
	return all, nil
}

// reading takes what is used of a line: origin, time_hour, temp, humid, wind_speed, wind_gust, precip,
// pressure, visib.
func reading(row []string) (r record.Record[string, Reading], err error) {
	at, err := time.Parse(time.RFC3339, row[1])
	if err != nil {
		return r, err
	}
	var v Reading
	for _, field := range []struct {
		of   **float64
		text string
	}{{&v.TempF, row[2]}, {&v.WindMph, row[4]}, {&v.PressureMb, row[7]}} {
		if field.text == "" {
			continue
		}
		n, err := strconv.ParseFloat(field.text, 64)
		if err != nil {
			return r, err
		}
		*field.of = &n
	}
	return record.New(row[0], v, record.TimeOf(at)), nil
}
