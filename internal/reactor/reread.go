package reactor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// sourceRows makes a store's rows of its source's records.
type sourceRows struct {
	read plan.RowReader
	time record.Time // the highest event time so far; -1: none
}

// reread brings back the stores whose source's topic stands for a changelog, and returns how many
// records it read. On disk and as of the last commit a store is whole. Else it is made anew, of the
// records up to the committed offset: those behind it are still to be processed.
func (e *Engine) reread(ctx context.Context, a *assignment, p Proof, l Local) (records int64, err error) {
	r := replayer{
		engine: e, assignment: a, proof: p, ends: map[string]int64{}, read: map[string]int64{},
		stores: map[record.Partition]string{}, sources: map[string]*sourceRows{},
	}
	var of []record.Partition
	for _, s := range a.subtopology.Stores {
		if s.Source == "" || !s.InMemory && l.Seq > 0 && l.Seq == p.Seq {
			continue
		}
		if err := a.space.Clear(s.Name); err != nil {
			return 0, err
		}
		input := record.Partition{Topic: s.Source, ID: a.id.Partition}
		if committed, ok := p.Offsets[input]; ok {
			of = append(of, input)
			r.stores[input], r.ends[s.Name] = s.Name, committed.At
			r.sources[s.Name] = &sourceRows{s.Rows(), -1}
		}
	}
	starts, err := e.admin.Starts(ctx, of)
	if err != nil {
		return 0, err
	}
	from := map[record.Partition]int64{}
	for input, start := range starts {
		name := r.stores[input]
		r.read[name] = start
		if start < r.ends[name] {
			from[input] = start
		}
	}
	err = r.run(ctx, from)
	return r.records, err
}

// applySource puts the rows of what was fetched into the store, up to the committed offset.
func (r *replayer) applySource(name string, source *sourceRows, f kafka.Fetched) error {
	rows := make([]store.FrozenEntry, 0, len(f.Records))
	for i := range f.Records {
		raw := &f.Records[i]
		if raw.Offset >= r.ends[name] {
			break
		}
		r.records++
		row, ok, err := source.read(raw, source.time)
		if err != nil {
			return fmt.Errorf("topic %q partition %d, offset %d: %w", f.Partition.Topic, f.Partition.ID, raw.Offset, err)
		}
		if ok {
			source.time = max(source.time, row.Time)
			rows = append(rows, row)
		}
	}
	return r.advance(name, rows, f.Next)
}

// checkSources refuses topics that stand for a changelog and forget records by time or size: a store
// made of what is left would have lost rows.
func (t *topics) checkSources(ctx context.Context) error {
	for _, sub := range t.config.Plan.Subtopologies {
		for _, s := range sub.Stores {
			if s.Source == "" {
				continue
			}
			config, err := t.describe(ctx, s.Source)
			if err != nil {
				return err
			}
			if !keepsRows(config) {
				return fmt.Errorf("topic %q stands for the changelog of store %q (topology.Optimize) but forgets records: set cleanup.policy=compact, or retention.ms=-1 and retention.bytes=-1, or leave Optimize out",
					s.Source, s.Name)
			}
		}
	}
	return nil
}

// keepsRows says whether a topic of that config keeps the last record of each key.
func keepsRows(config map[string]string) bool {
	policy := config["cleanup.policy"]
	if !slices.Contains(strings.Split(policy, ","), "delete") && policy != "" {
		return true
	}
	bytes := config["retention.bytes"]
	return config["retention.ms"] == "-1" && (bytes == "-1" || bytes == "")
}
