package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// results are the output topics as a read_committed consumer sees them: the latest value of each
// key.
type results struct {
	client *kgo.Client
	topics topics

	mu       sync.Mutex
	hours    map[hour]Delays
	airlines map[string]Delays
	next     map[string][]int64 // the position in each partition of each topic
}

// openResults starts to read both output topics from their beginning.
func openResults(brokers []string, t topics) (*results, error) {
	r := &results{
		topics: t, hours: map[hour]Delays{}, airlines: map[string]Delays{},
		next: map[string][]int64{
			t.hourly.Name():   make([]int64, partitions),
			t.airlines.Name(): make([]int64, partitions),
		},
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.ClientID("flights-results"),
		kgo.ConsumeTopics(t.hourly.Name(), t.airlines.Name()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The last thing in a partition is a transaction's marker: seen, it says that all is read.
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	r.client = client
	return r, err
}

func (r *results) close() { r.client.Close() }

// follow reads until ctx ends.
func (r *results) follow(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.poll(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// readTo reads until every position has reached the end of its partition.
func (r *results) readTo(ctx context.Context, ends map[string][]int64) error {
	for !r.reached(ends) {
		if err := r.poll(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *results) reached(ends map[string][]int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, ends := range ends {
		for p, end := range ends {
			if r.next[topic][p] < end {
				return false
			}
		}
	}
	return true
}

func (r *results) poll(ctx context.Context) error {
	fetches := r.client.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		return fmt.Errorf("read results: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var failed error
	fetches.EachRecord(func(k *kgo.Record) {
		r.next[k.Topic][k.Partition] = k.Offset + 1
		if failed == nil && !k.Attrs.IsControl() {
			failed = r.take(k)
		}
	})
	return failed
}

// take keeps the record as the latest of its key.
func (r *results) take(k *kgo.Record) error {
	value, err := r.topics.hourly.ValueSerde().Decode(k.Value)
	if err != nil {
		return fmt.Errorf("topic %q partition %d offset %d: %w", k.Topic, k.Partition, k.Offset, err)
	}
	if k.Topic == r.topics.airlines.Name() {
		r.airlines[string(k.Key)] = value
		return nil
	}
	key, err := r.topics.hourly.KeySerde().Decode(k.Key)
	if err != nil {
		return fmt.Errorf("topic %q partition %d offset %d: %w", k.Topic, k.Partition, k.Offset, err)
	}
	r.hours[hour{origin: key.Key, start: int64(key.Start) / 1000}] = value
	return nil
}

// An hourRow is a line of the tables of hours, an airlineRow of the airlines'.
type (
	hourRow struct {
		hour
		Delays
	}
	airlineRow struct {
		name string
		Delays
	}
)

// worthNoting is how many flights an hour or an airline must have to be among the worst.
const worthNoting = 10

// latest are the n hours that start last.
func (r *results) latest(n int) []hourRow {
	return r.top(n, 1, func(a, b hourRow) int { return cmp.Compare(b.start, a.start) })
}

// worst are the n hours of the highest average delay.
func (r *results) worst(n int) []hourRow {
	return r.top(n, worthNoting, func(a, b hourRow) int { return cmp.Compare(b.average(), a.average()) })
}

func (r *results) top(n int, flights int64, order func(a, b hourRow) int) []hourRow {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rows []hourRow
	for of, d := range r.hours {
		if d.Flights >= flights {
			rows = append(rows, hourRow{of, d})
		}
	}
	slices.SortFunc(rows, func(a, b hourRow) int {
		return cmp.Or(order(a, b), cmp.Compare(a.origin, b.origin), cmp.Compare(a.start, b.start))
	})
	return rows[:min(n, len(rows))]
}

// worstAirlines are the n airlines of the highest average delay.
func (r *results) worstAirlines(n int) []airlineRow {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rows []airlineRow
	for _, name := range slices.Sorted(maps.Keys(r.airlines)) {
		if d := r.airlines[name]; d.Flights >= worthNoting {
			rows = append(rows, airlineRow{name, d})
		}
	}
	slices.SortStableFunc(rows, func(a, b airlineRow) int { return cmp.Compare(b.average(), a.average()) })
	return rows[:min(n, len(rows))]
}
