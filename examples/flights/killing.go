package main

import (
	"context"
	"fmt"
	"time"
)

// killing is one SIGKILL and the way back from it.
type killing struct {
	number    int
	at        time.Time
	committed int64         // flights, when it happened
	beyond    int64         // flights that were processed and not committed
	records   int64         // changelog records that the restart replayed
	took      time.Duration // for them: of the task that took longest
}

func (k *killing) restored(r restored) {
	k.records += r.Records
	k.took = max(k.took, time.Duration(r.Micros)*time.Microsecond)
}

// proves says whether the kill has shown anything: something was lost on the way and had to be
// done again, and some state was not on disk and had to come back from the changelogs.
func (k *killing) proves() bool { return k.beyond > 0 && k.records > 0 }

// target is how many flights are committed when the worker is next killed.
func (d *driver) target() int64 {
	total, parts := int64(len(d.flights)), int64(d.kills+1)
	return (total*int64(d.killed+1) + parts - 1) / parts
}

// fell kills the worker if there is something in flight, and starts it again.
func (d *driver) fell(ctx context.Context) error {
	if d.inFlight() == 0 {
		return nil
	}
	last, err := d.worker.kill()
	if err != nil {
		return err
	}
	d.fallen = &killing{number: d.killed + 1, at: time.Now()}
	for _, r := range last {
		r.Restored = nil // of the life that has ended
		d.note(r)
	}
	// The commit that was under way may have been done: what counts is how it is now.
	if d.committed, err = d.kafka.committedAtDeath(ctx, d.id, d.topics.input.Name(), d.committed); err != nil {
		return err
	}
	d.fallen.committed, d.fallen.beyond = d.sum(), d.inFlight()
	d.show.note(fmt.Sprintf("kill %d of %d: SIGKILL at %d of %d committed, %d processed beyond that",
		d.fallen.number, d.kills, d.fallen.committed, len(d.flights), d.fallen.beyond))
	d.past = d.past.plus(d.life)
	return d.start()
}

// maxMissed bounds how often a kill is done again.
const maxMissed = 10

// rise ends the way back as soon as the worker runs.
func (d *driver) rise() error {
	if !d.running {
		return nil
	}
	k := d.fallen
	d.fallen = nil
	d.show.note(fmt.Sprintf("restart %d: %d changelog records replayed in %d ms, running again after %d ms",
		k.number, k.records, k.took.Milliseconds(), time.Since(k.at).Milliseconds()))
	if k.proves() {
		d.killed++
		return nil
	}
	d.missed++
	if d.missed == maxMissed {
		return fmt.Errorf("%d kills came just after a commit or a flush: nothing was to be done again, so they prove nothing", d.missed)
	}
	d.show.note(fmt.Sprintf("kill %d came just after a commit or a flush and proves nothing: once more", k.number))
	return nil
}
