package reactor

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/record"
)

// purger deletes the records of repartition topics that were consumed, once that is committed. Kafka
// Streams: repartition.purge.interval.ms.
type purger struct {
	admin    *kafka.Admin
	log      *slog.Logger
	internal func(topic string) bool // whether it is a repartition topic

	mu     sync.Mutex
	before map[record.Partition]int64 // up to where, and not yet deleted
}

const purgeEvery = 30 * time.Second

// consumed notes a commit that is known to be done.
func (p *purger) consumed(c *Commit) {
	for _, o := range c.Offsets {
		if o.At == 0 || !p.internal(o.Partition.Topic) {
			continue
		}
		p.mu.Lock()
		p.before[o.Partition] = o.At
		p.mu.Unlock()
	}
}

// purgeEarly is a planted bug.
func (p *purger) purgeEarly(ctx context.Context, g *generation) {
	for _, c := range g.commits {
		p.consumed(c)
	}
	p.purge(ctx)
}

// run deletes now and then, until ctx ends.
func (p *purger) run(ctx context.Context) {
	ticker := time.NewTicker(purgeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.purge(ctx)
		}
	}
}

func (p *purger) purge(ctx context.Context) {
	p.mu.Lock()
	before := maps.Clone(p.before)
	clear(p.before)
	p.mu.Unlock()
	if len(before) == 0 {
		return
	}
	if err := p.admin.DeleteRecords(ctx, before); err != nil && ctx.Err() == nil {
		p.log.Warn("consumed records of repartition topics stay for now", "error", err)
	}
}
