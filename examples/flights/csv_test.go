package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const header = "published,scheduled,carrier,origin,dep_delay\n"

func TestFlightsAreReadInTheOrderOfPublished(t *testing.T) {
	// Columns in another order, more of them than needed, quotes, rows not in order.
	got, err := parseFlights(strings.NewReader("dest,origin,dep_delay,carrier,scheduled,published\n" +
		"MIA,JFK,-3,AA,50,200\n" + "IAH,\"EWR\",,UA,60,100\n" + "BQN,LGA,0,B6,70,200\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Flight{
		{Seq: 1, Published: 100, Scheduled: 60, Carrier: "UA", Origin: "EWR"},
		{Seq: 2, Published: 200, Scheduled: 50, Carrier: "AA", Origin: "JFK", DepDelay: new(int64(-3))},
		{Seq: 3, Published: 200, Scheduled: 70, Carrier: "B6", Origin: "LGA", DepDelay: new(int64(0))},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadRowsAreNamed(t *testing.T) {
	tests := map[string]struct {
		give string
		want string
	}{
		"nothing at all":  {"", "is empty"},
		"no rows":         {header, "has no rows"},
		"missing column":  {"published,carrier,origin,dep_delay\n1,AA,JFK,\n", `column "scheduled" is missing`},
		"bad published":   {header + "1,2,AA,JFK,\nx,2,AA,JFK,\n", `row 2, column published: "x" is not a whole number`},
		"empty scheduled": {header + "1,,AA,JFK,\n", `row 1, column scheduled: "" is not a whole number`},
		"bad delay":       {header + "1,2,AA,JFK,1.5\n", `row 1, column dep_delay: "1.5" is not a whole number`},
		"empty carrier":   {header + "1,2,,JFK,\n", "row 1, column carrier: is empty"},
		"empty origin":    {header + "1,2,AA,,\n", "row 1, column origin: is empty"},
		"short row":       {header + "1,2,AA,JFK,\n1,2\n", "row 2: record on line 3: wrong number of fields"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parseFlights(strings.NewReader(tt.give))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestBadFilesAreNamed(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain.csv.gz")
	if err := os.WriteFile(plain, []byte(header), 0o600); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.csv.gz")
	data, err := builtIn.ReadFile(builtInData)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ path, want string }{
		"missing":  {filepath.Join(t.TempDir(), "none.csv.gz"), "none.csv.gz"},
		"not gzip": {plain, "is not a gzip file"},
		"cut off":  {cut, "unexpected EOF"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := readFlights(tt.path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) {
				t.Errorf("got %v, want %q and the path", err, tt.want)
			}
		})
	}
}

func TestEveryBuiltInAirportAndAirlineHasAName(t *testing.T) {
	n, err := readNames()
	if err != nil {
		t.Fatal(err)
	}
	flights, err := readFlights("")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flights {
		if n.airline(f.Carrier) == f.Carrier || n.airport(f.Origin).name == f.Origin {
			t.Fatalf("%s or %s has no name", f.Carrier, f.Origin)
		}
	}
}

// FuzzFlights: whatever the file, it is an error or flights in order, and the oracle takes what the
// driver takes.
func FuzzFlights(f *testing.F) {
	f.Add(header + "1,2,AA,JFK,\n0,3,AA,JFK,7\n")
	f.Add("published,scheduled\n")
	f.Add(header + "1,2,\"A\nA\",JFK,-9\n")
	f.Fuzz(func(t *testing.T, data string) {
		flights, err := parseFlights(strings.NewReader(data))
		if err != nil {
			return
		}
		for i := range flights {
			if flights[i].Seq != i+1 || i > 0 && flights[i].Published < flights[i-1].Published {
				t.Fatalf("flight %d is out of order", i)
			}
		}
		a, err := count(strings.NewReader(data))
		if err != nil {
			t.Fatalf("the oracle refuses it: %v", err)
		}
		sum := int64(0)
		for _, total := range a.hours {
			sum += total.flights
		}
		if sum != int64(len(flights)) {
			t.Fatalf("the oracle counts %d flights of %d", sum, len(flights))
		}
	})
}
