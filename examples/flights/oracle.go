package main

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// The oracle knows the right answer without pitwheel, Kafka or the code that feeds them: it goes
// over the file with two plain maps. It is as simple as can be, because it judges the rest.

// hour is a window: an origin and the Unix second at which its hour starts.
type hour struct {
	origin string
	start  int64
}

// total is what the answer has for each hour.
type total struct {
	flights  int64
	delaySum int64 // minutes, over the flights that left
}

// answer is what must come out.
type answer struct {
	hours    map[hour]total
	airlines map[string]total // by the airline's code
}

// oracle computes the answer from the file, or from the built-in data if path is empty.
func oracle(path string) (answer, error) {
	var (
		file io.ReadCloser
		err  error
	)
	if path == "" {
		file, err = builtIn.Open(builtInData)
	} else {
		file, err = os.Open(path)
	}
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = file.Close() }()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return answer{}, fmt.Errorf("oracle: %w", err)
	}
	return count(unzipped)
}

func count(r io.Reader) (answer, error) {
	a := answer{hours: map[hour]total{}, airlines: map[string]total{}}
	rows := csv.NewReader(r)
	header, err := rows.Read()
	if err != nil {
		return a, fmt.Errorf("oracle: %w", err)
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return a, fmt.Errorf("oracle: %w", err)
		}
		field := map[string]string{}
		for i, column := range header {
			field[column] = row[i]
		}
		scheduled, err := strconv.ParseInt(field["scheduled"], 10, 64)
		if err != nil {
			return a, fmt.Errorf("oracle: scheduled: %w", err)
		}
		one := total{flights: 1}
		if field["dep_delay"] != "" {
			if one.delaySum, err = strconv.ParseInt(field["dep_delay"], 10, 64); err != nil {
				return a, fmt.Errorf("oracle: dep_delay: %w", err)
			}
		}
		of := hour{origin: field["origin"], start: scheduled / 3600 * 3600}
		a.hours[of] = total{a.hours[of].flights + one.flights, a.hours[of].delaySum + one.delaySum}
		by := field["carrier"]
		a.airlines[by] = total{a.airlines[by].flights + one.flights, a.airlines[by].delaySum + one.delaySum}
	}
}
