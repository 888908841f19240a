package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// driver feeds the input, watches how far the group has committed, kills the worker and starts it
// again, until all is processed. All of it happens in one goroutine.
type driver struct {
	settings
	id      string // the application's
	kafka   *kafka
	topics  topics
	flights []Flight
	places  places
	results *results
	show    display

	worker   *process
	restores int  // of the worker's tasks
	running  bool // the worker has its tasks, and all of them run
	began    time.Time
	moved    time.Time // when something was last seen to happen

	released  int // flights given to the producer
	committed []int64
	seen      map[string]int // by origin: the Seq that this worker has processed last
	life      counters       // of this worker
	past      counters       // of those before it
	speed     speed

	killed int      // kills that have proved something
	missed int      // and those that have not
	fallen *killing // the kill that the worker is coming back from; nil: none
}

const (
	tick     = 2 * time.Millisecond
	patience = time.Minute // without anything happening
	// feedAtOnce bounds what one turn gives to the producer, so that the next turn comes soon.
	feedAtOnce = 4000
)

// run returns when every flight is processed and committed, and the worker has stopped cleanly.
func (d *driver) run(ctx context.Context) (err error) {
	d.places, d.committed = placesOf(d.flights), make([]int64, partitions)
	d.began, d.moved = time.Now(), time.Now()
	d.past.StreamTime, d.life.StreamTime = -1, -1
	if err := d.start(); err != nil {
		return err
	}
	defer func() {
		last, stopErr := d.worker.stop()
		for _, r := range last {
			r.State = "" // that it ends is shown by what follows
			d.note(r)
		}
		d.show.close(d.snapshot)
		if err == nil {
			err = stopErr
		}
	}()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case r, open := <-d.worker.reports:
			if !open {
				return d.worker.failure()
			}
			d.note(r)
			continue
		case <-ticker.C:
		}
		done, err := d.turn(ctx)
		if done || err != nil {
			return err
		}
	}
}

func (d *driver) start() (err error) {
	d.running, d.restores, d.seen, d.life = false, 0, nil, counters{StreamTime: -1}
	d.worker, err = startProcess(
		"-id", d.id, "-brokers", strings.Join(d.kafka.brokers, ","), "-state", filepath.Join(d.state, d.id),
		"-commit", d.commit.String(), "-flush", d.flush.String(),
	)
	return err
}

// note takes in what the worker reports.
func (d *driver) note(r report) {
	d.moved = time.Now()
	if r.Seen != nil {
		d.seen = r.Seen
	}
	if r.Counters != nil {
		d.life = *r.Counters
	}
	if r.Restored != nil {
		d.restores++
		if d.fallen != nil {
			d.fallen.restored(*r.Restored)
		}
	}
	if r.State != "" {
		d.running = r.State == "running" && d.restores > 0
	}
}

// turn does all that is due.
func (d *driver) turn(ctx context.Context) (done bool, err error) {
	if err := d.kafka.produceError(); err != nil {
		return false, err
	}
	if err := d.feed(ctx); err != nil {
		return false, err
	}
	if err := d.look(ctx); err != nil {
		return false, err
	}
	d.show.show(d.snapshot)
	switch {
	case time.Since(d.moved) > patience:
		return false, fmt.Errorf("nothing has moved for %v: %d of %d flights are committed\n%s",
			patience, d.sum(), len(d.flights), d.worker.errors)
	case d.fallen != nil:
		return false, d.rise()
	case d.killed < d.kills && d.sum() == int64(len(d.flights)):
		return false, fmt.Errorf("the input ended before the worker could be killed for the %d. time: it has only %d flights",
			d.killed+1, len(d.flights))
	case d.killed < d.kills && d.sum() >= d.target() && d.running:
		return false, d.fell(ctx)
	case d.sum() < int64(len(d.flights)):
		return false, nil
	}
	return d.kafka.drained(ctx, d.id, repartitionTopic(d.id))
}

// feed releases as many flights as should be in the topic by now.
func (d *driver) feed(ctx context.Context) error {
	limit := min(d.limit(), d.released+feedAtOnce)
	if d.kafka.client.BufferedProduceRecords() > feedAtOnce {
		return nil
	}
	for d.released < limit {
		if err := d.kafka.produce(ctx, d.topics, d.flights[d.released]); err != nil {
			return err
		}
		d.released++
		d.moved = time.Now()
	}
	return nil
}

// limit is how many flights should be in the topic by now. The demo takes its time. Else all of
// them, but as long as there are kills to come the feed stays a little ahead of what is committed:
// so it still flows when the worker is killed, and there is always something in flight.
func (d *driver) limit() int {
	total := len(d.flights)
	if !d.once {
		return min(int(float64(total)*float64(time.Since(d.began))/float64(d.pace)), total)
	}
	if d.killed == d.kills {
		return total
	}
	return min(int(d.sum())+max(total/(4*(d.kills+1)), 1), total)
}

// look asks how far the group has committed.
func (d *driver) look(ctx context.Context) error {
	at, err := d.kafka.committed(ctx, d.id, d.topics.input.Name())
	if errors.Is(err, errUnstable) {
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.Equal(at, d.committed) {
		d.committed, d.moved = at, time.Now()
	}
	d.speed.note(time.Now(), d.sum())
	return nil
}

// sum is how many flights are committed: the input topic holds nothing else.
func (d *driver) sum() (n int64) {
	for _, at := range d.committed {
		n += at
	}
	return n
}

// inFlight is how many flights are processed and not committed.
func (d *driver) inFlight() int64 { return d.places.beyond(d.seen, d.committed) }

// counters are those of all workers so far.
func (d *driver) counters() counters { return d.past.plus(d.life) }
