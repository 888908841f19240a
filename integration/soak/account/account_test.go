package account

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// application makes the results of events as they must be, by other means than the account.
type application struct {
	partitions int32
	results    []Result
	chains     map[string]int64
	counts     map[string][2]int64
	windows    map[string]int64
}

func int64s(values ...int64) (b []byte) {
	for _, v := range values {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func (a *application) write(topic, key, bare string, value ...int64) {
	a.results = append(a.results, Result{
		Topic: topic, Partition: PartitionOf([]byte(bare), a.partitions), Offset: int64(len(a.results)), Key: []byte(key), Value: int64s(value...),
	})
}

func (a *application) process(e Event) {
	key := "c" + e.Key
	a.chains[key] = link(a.chains[key], e.Number)
	a.write(Chains, key, key, a.chains[key])
	if e.Number%4 == 0 {
		group := fmt.Sprintf("g%d", e.Number%97)
		c := a.counts[group]
		c[0]++
		c[1] += e.Number
		a.counts[group] = c
		a.write(Tallies, group, group, c[0], c[1])
	}
	window := e.Key + string(int64s(e.At/10000*10000))
	a.windows[window]++
	a.write(Updates, window, e.Key, a.windows[window])
}

const testPartitions = 4

// scene is some events and what an application that is right makes of them.
func scene() (*Account, *Events, *application) {
	e := NewEvents(7, 50, testPartitions, 1_000_000, 1)
	a := New(e, testPartitions)
	app := &application{partitions: testPartitions, chains: map[string]int64{}, counts: map[string][2]int64{}, windows: map[string]int64{}}
	for range 5000 {
		event := e.Next()
		a.Sent(event)
		app.process(event)
	}
	for p := range int32(testPartitions) {
		event, _ := e.Last(p)
		a.Sent(event)
		app.process(event)
	}
	for window, n := range app.windows {
		key := window[:len(window)-8]
		if start := int64(binary.BigEndian.Uint64([]byte(window[len(window)-8:]))); start < 1_000_000+15_000 {
			app.write(Closed, window, key, n)
		}
	}
	// Each key's windows close in order.
	return a, e, app
}

func TestRightResultsAreRight(t *testing.T) {
	a, _, app := scene()
	sortClosed(app.results)
	for _, r := range app.results {
		a.Seen(r)
	}
	if missing := a.Missing(); missing != (Counts{}) {
		t.Errorf("%+v are missing", missing)
	}
	a.Lose()
	if n := a.Counts().Bad(); n != 0 {
		t.Errorf("%d are bad: %v", n, a.Found())
	}
}

// sortClosed brings the closed windows into the order of their starts.
func sortClosed(results []Result) {
	start := func(r Result) uint64 { return binary.BigEndian.Uint64(r.Key[len(r.Key)-8:]) }
	for i := range results {
		for j := i; j > 0 && results[j].Topic == Closed && results[j-1].Topic == Closed && start(results[j]) < start(results[j-1]); j-- {
			results[j], results[j-1] = results[j-1], results[j]
		}
	}
}

func TestWrongResultsAreFound(t *testing.T) {
	last := func(results []Result, topic string) int {
		for i := len(results) - 1; ; i-- {
			if results[i].Topic == topic {
				return i
			}
		}
	}
	tests := map[string]struct {
		spoil func(results []Result, i int) []Result
		want  func(c Counts) bool
	}{
		"one is lost":    {func(rs []Result, i int) []Result { return append(rs[:i:i], rs[i+1:]...) }, func(c Counts) bool { return c.Lost >= 1 && c.Doubled == 0 }},
		"one is doubled": {func(rs []Result, i int) []Result { return append(rs, rs[i]) }, func(c Counts) bool { return c.Doubled == 1 && c.Lost == 0 }},
		"one is elsewhere": {func(rs []Result, i int) []Result {
			rs[i].Partition = (rs[i].Partition + 1) % testPartitions
			return rs
		}, func(c Counts) bool { return c.Wrong == 1 }},
		"one has another value": {func(rs []Result, i int) []Result {
			rs[i].Value = append([]byte{1}, rs[i].Value[1:]...)
			return rs
		}, func(c Counts) bool { return c.Bad() >= 1 }},
		"one is cut":           {func(rs []Result, i int) []Result { rs[i].Value = rs[i].Value[1:]; return rs }, func(c Counts) bool { return c.Wrong >= 1 }},
		"one is of no key":     {func(rs []Result, i int) []Result { rs[i].Key = []byte("x12345678"); return rs }, func(c Counts) bool { return c.Wrong >= 1 }},
		"one is twice, at end": {func(rs []Result, i int) []Result { return append(rs, rs[last(rs, rs[i].Topic)]) }, func(c Counts) bool { return c.Doubled == 1 }},
	}
	for name, tt := range tests {
		for _, topic := range Topics() {
			t.Run(name+" in "+topic, func(t *testing.T) {
				a, _, app := scene()
				sortClosed(app.results)
				for _, r := range tt.spoil(app.results, last(app.results, topic)) {
					a.Seen(r)
				}
				a.Lose()
				if c := a.Counts(); !tt.want(c) {
					t.Errorf("got %+v: %v", c, a.Found())
				}
				for _, d := range a.Found() {
					if !strings.Contains(d.String(), topic) {
						t.Errorf("%v is not of topic %s", d, topic)
					}
				}
			})
		}
	}
}

func TestTwoResultsInTheWrongOrderAreFound(t *testing.T) {
	a, _, app := scene()
	sortClosed(app.results)
	first := app.results[0]
	for i, r := range app.results {
		if i > 0 && r.Topic == Chains && string(r.Key) == string(first.Key) {
			app.results[0], app.results[i] = app.results[i], app.results[0]
			break
		}
	}
	for _, r := range app.results {
		a.Seen(r)
	}
	if c := a.Counts(); c.Lost == 0 || c.Doubled == 0 {
		t.Errorf("got %+v", c)
	}
}

func TestRowsAreCompared(t *testing.T) {
	tests := map[string]struct {
		spoil func(r *Result) (keep bool)
		bad   bool
	}{
		"right":       {func(*Result) bool { return true }, false},
		"one is gone": {func(r *Result) bool { return r.Offset != 3 }, true},
		"one is old": {func(r *Result) bool {
			if r.Offset == 3 {
				r.Value = int64s(1, 1)[:len(r.Value)]
			}
			return true
		}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, e, app := scene()
			var rows []Result
			for key, chain := range app.chains {
				rows = append(rows, Result{Topic: ChainStore, Partition: PartitionOf([]byte(key), testPartitions), Offset: int64(len(rows)), Key: []byte(key), Value: int64s(chain)})
			}
			for group, c := range app.counts {
				rows = append(rows, Result{Topic: TallyStore, Partition: PartitionOf([]byte(group), testPartitions), Offset: int64(len(rows)), Key: []byte(group), Value: int64s(c[0], c[1])})
			}
			for i, key := range e.keys {
				rows = append(rows, Result{Topic: LargestStore, Partition: e.partitions[i], Offset: int64(len(rows)), Key: []byte(key), Value: int64s(a.keys[i].largest)})
			}
			for _, r := range rows {
				if tt.spoil(&r) {
					a.Row(r)
				}
			}
			a.CheckRows()
			if c := a.Counts(); (c.Bad() > 0) != tt.bad {
				t.Errorf("got %+v: %v", c, a.Found())
			}
		})
	}
}

// TestPartitions are Kafka's: murmur2 of some keys, as its UtilsTest has them.
func TestPartitions(t *testing.T) {
	for key, want := range map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
}
