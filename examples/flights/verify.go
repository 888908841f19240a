package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

// proof is the comparison of what came out with the answer.
type proof struct {
	windows  int   // in the output
	in       int64 // flights that the data has
	counted  int64 // flights that the windows of the output have
	lost     int64 // flights that a window of the output has too few
	doubled  int64 // flights that a window of the output has too many
	wrong    int   // windows with the right number of flights and the wrong sum of delays
	airlines int   // in the output
	differ   []string
}

// holds says whether the output is the answer, window by window and airline by airline.
func (p proof) holds() bool { return len(p.differ) == 0 }

func (p proof) String() string {
	return fmt.Sprintf("windows %d, flights in %d, flights counted %d, lost %d, doubled %d, wrong sums %d, airlines %d",
		p.windows, p.in, p.counted, p.lost, p.doubled, p.wrong, p.airlines)
}

// readOutput reads the output topics from start to end with a consumer of its own.
func readOutput(ctx context.Context, k *kafka, t topics) (*results, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("the output was not read within a minute"))
	defer cancel()
	ends := map[string][]int64{}
	for _, topic := range []string{t.hourly.Name(), t.airlines.Name()} {
		listed, err := k.admin.ListCommittedOffsets(ctx, topic)
		if err != nil {
			return nil, fmt.Errorf("list end of topic %q: %w", topic, err)
		}
		ends[topic] = make([]int64, partitions)
		for p := range ends[topic] {
			end, _ := listed.Lookup(topic, int32(p))
			if end.Err != nil {
				return nil, fmt.Errorf("list end of topic %q partition %d: %w", topic, p, end.Err)
			}
			ends[topic][p] = end.Offset
		}
	}
	r, err := openResults(k.brokers, t)
	if err != nil {
		return nil, err
	}
	defer r.close()
	err = r.readTo(ctx, ends)
	return r, err
}

// compare finds every difference between the output and the answer.
func compare(got *results, want answer, n names) proof {
	p := proof{windows: len(got.hours), airlines: len(got.airlines)}
	windows := maps.Clone(want.hours)
	for of := range got.hours {
		windows[of] = want.hours[of] // a window that should not be there wants no flights
	}
	for _, of := range sortedHours(windows) {
		has, wants := got.hours[of], windows[of]
		p.in += wants.flights
		p.counted += has.Flights
		p.lost += max(wants.flights-has.Flights, 0)
		p.doubled += max(has.Flights-wants.flights, 0)
		if has.Flights == wants.flights && has.Sum != wants.delaySum {
			p.wrong++
		}
		if has.Flights != wants.flights || has.Sum != wants.delaySum {
			p.differ = append(p.differ, fmt.Sprintf("%s %s: %d flights, %d minutes of delay; should be %d and %d",
				of.origin, time.Unix(of.start, 0).UTC().Format(time.DateTime), has.Flights, has.Sum, wants.flights, wants.delaySum))
		}
	}
	airlines := map[string]total{}
	for code, t := range want.airlines {
		sum := airlines[n.airline(code)]
		airlines[n.airline(code)] = total{sum.flights + t.flights, sum.delaySum + t.delaySum}
	}
	for name := range got.airlines {
		if _, right := airlines[name]; !right {
			airlines[name] = total{} // it should not be there
		}
	}
	for _, name := range slices.Sorted(maps.Keys(airlines)) {
		has, wants := got.airlines[name], airlines[name]
		if has.Flights != wants.flights || has.Sum != wants.delaySum {
			p.differ = append(p.differ, fmt.Sprintf("%s: %d flights, %d minutes of delay; should be %d and %d",
				name, has.Flights, has.Sum, wants.flights, wants.delaySum))
		}
	}
	return p
}

func sortedHours[V any](of map[hour]V) []hour {
	return slices.SortedFunc(maps.Keys(of), func(a, b hour) int {
		return cmp.Or(cmp.Compare(a.origin, b.origin), cmp.Compare(a.start, b.start))
	})
}

// writeHours writes the windows as CSV, by origin and start.
func writeHours(to io.Writer, hours map[hour]Delays) error {
	w := csv.NewWriter(to)
	_ = w.Write([]string{"origin", "window_start", "flights", "dep_delay_sum"})
	for _, of := range sortedHours(hours) {
		d := hours[of]
		_ = w.Write([]string{
			of.origin, strconv.FormatInt(of.start, 10), strconv.FormatInt(d.Flights, 10), strconv.FormatInt(d.Sum, 10),
		})
	}
	w.Flush()
	return w.Error() // the first of all
}
