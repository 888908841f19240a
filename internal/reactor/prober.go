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

// prober asks brokers whether an input that looks unread has anything. Compaction may have emptied the
// last batches of a partition, and then no fetch brings anything up to its end; other inputs would wait
// for it until somebody writes there.
type prober struct {
	admin *kafka.Admin
	log   *slog.Logger
	bell  chan struct{}

	mu        sync.Mutex
	questions map[*route]question
}

// question is whether there is any record from one offset to another.
type question struct{ from, to int64 }

// ask has the loop told, by its inbox, that a route's partition is read up to the question's end, if
// there is nothing in it.
func (p *prober) ask(r *route, q question) {
	p.mu.Lock()
	p.questions[r] = q
	p.mu.Unlock()
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// run answers until ctx ends. What was not answered is asked again.
func (p *prober) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.bell:
		}
		p.mu.Lock()
		questions := maps.Clone(p.questions)
		clear(p.questions)
		p.mu.Unlock()
		for r, q := range questions {
			p.answer(ctx, r, q)
		}
	}
}

const answerTimeout = 10 * time.Second

func (p *prober) answer(ctx context.Context, r *route, q question) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	switch silent, err := p.admin.Silent(ctx, r.partition, q.from, q.to); {
	case err != nil:
		p.log.Debug("not known whether an input has records", "topic", r.partition.Topic, "partition", r.partition.ID, "error", err)
	case silent:
		r.loop.inbox.put(delivery{route: r, Fetched: kafka.Fetched{Partition: r.partition, Next: q.to, End: q.to}})
	}
}

// lag is for how long a task has waited for records that are known to be there.
type lag struct {
	of    record.Partition
	at    question
	since time.Time // zero: it does not wait
}

// askAfter is how long a fetch may take before it is asked whether there is anything to fetch.
const askAfter = time.Second

// askForLagging asks about inputs that keep their tasks waiting.
func (l *loop) askForLagging() {
	for _, r := range l.tasks {
		of, from, to, ok := r.task.Lagging()
		if !ok {
			r.lag = lag{}
			continue
		}
		at := question{from, to}
		switch now := time.Now(); {
		case r.lag.of != of || r.lag.at != at || r.lag.since.IsZero():
			r.lag = lag{of, at, now}
		case now.Sub(r.lag.since) >= askAfter:
			r.lag.since = now
			l.engine.prober.ask(r.routes[of], at)
		}
	}
}
