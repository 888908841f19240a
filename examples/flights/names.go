package main

import (
	"encoding/csv"
	"fmt"
	"time"
	_ "time/tzdata" // the airports' time zones, whatever the system has
)

// names are what airlines and airports are called.
type names struct {
	airlines map[string]string
	airports map[string]airport
}

type airport struct {
	name string
	zone *time.Location
}

// readNames reads the built-in tables.
func readNames() (names, error) {
	n := names{airlines: map[string]string{}, airports: map[string]airport{}}
	airlines, err := readTable("data/airlines.csv")
	if err != nil {
		return n, err
	}
	for _, row := range airlines {
		n.airlines[row["carrier"]] = row["name"]
	}
	airports, err := readTable("data/airports.csv")
	if err != nil {
		return n, err
	}
	for _, row := range airports {
		zone, err := time.LoadLocation(row["tzone"])
		if err != nil {
			return n, fmt.Errorf("data/airports.csv: %s: %w", row["faa"], err)
		}
		n.airports[row["faa"]] = airport{name: row["name"], zone: zone}
	}
	return n, nil
}

// readTable is a built-in CSV file's rows, by column.
func readTable(name string) ([]map[string]string, error) {
	f, err := builtIn.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var table []map[string]string
	for _, row := range rows[1:] {
		of := map[string]string{}
		for i, column := range rows[0] {
			of[column] = row[i]
		}
		table = append(table, of)
	}
	return table, nil
}

// airline is an airline's name; its code if it has none here.
func (n names) airline(code string) string {
	if name, ok := n.airlines[code]; ok {
		return name
	}
	return code
}

// airport is an airport's name and time zone; its code and UTC if it is not known here.
func (n names) airport(code string) airport {
	if a, ok := n.airports[code]; ok {
		return a
	}
	return airport{name: code, zone: time.UTC}
}
