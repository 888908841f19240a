package reactor

import (
	"fmt"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

// idling says how far the wait for an input is that has no records and, as is known, none to come.
type idling uint8

const (
	notIdling idling = iota
	waiting          // until its deadline
	gaveUp           // what comes now may be older than what is processed meanwhile
)

// choose returns the input whose head is the oldest, decoded; the first of equals. Nil: there is
// nothing to process now. Kafka: PartitionGroup.readyToProcess and nextRecord.
func (t *Task) choose() (*input, error) {
	var oldest *input
	waits := false
	for _, in := range t.inputs {
		if !in.loaded {
			if err := t.load(in); err != nil {
				return nil, err
			}
		}
		switch {
		case !in.loaded:
			waits = t.waitsFor(in) || waits
			continue
		case oldest == nil || in.loadedAt < oldest.loadedAt:
			oldest = in
		}
		in.idle = notIdling
	}
	if waits {
		return nil, nil
	}
	return oldest, nil
}

// waitsFor says whether an input without records is waited for: if it is known to have some, for as
// long as it takes; else for as long as the config says, from when this was first asked.
func (t *Task) waitsFor(in *input) bool {
	idle := t.config.Idle
	switch {
	case idle < 0:
		return false
	case !in.caughtUp():
		in.idle = notIdling
		return true
	case idle == 0 || in.idle == gaveUp:
		return false
	case in.idle == notIdling:
		in.idle, in.deadline = waiting, windowing.End(t.WallClock(), idle)
	case t.WallClock() >= in.deadline:
		in.idle = gaveUp
	}
	return in.idle == waiting
}

// NextWake is a time of the wall clock before which neither Punctuate nor Step has anything to do, if
// nothing is fed. False: there is no such time.
func (t *Task) NextWake() (at record.Time, ok bool) {
	at, ok = t.punctuations[windowing.WallClock].Next()
	if !t.buffers() {
		return at, ok
	}
	for _, in := range t.inputs {
		if !in.hasHead() && in.idle == waiting && (!ok || in.deadline < at) {
			at, ok = in.deadline, true
		}
	}
	return at, ok
}

// Lagging is an input that keeps records of others waiting, because it is known to have some from one
// offset to another that were not fetched. False: there is none.
func (t *Task) Lagging() (of record.Partition, from, to int64, ok bool) {
	if t.config.Idle < 0 || !t.buffers() {
		return of, 0, 0, false
	}
	for _, in := range t.inputs {
		if !in.hasHead() && !in.caughtUp() {
			return in.partition, in.fetched, in.end, true
		}
	}
	return of, 0, 0, false
}

// buffers says whether there are records.
func (t *Task) buffers() bool {
	for _, in := range t.inputs {
		if in.hasHead() {
			return true
		}
	}
	return false
}

// Waiting says what the task waits for, for the log; empty if it has work.
func (t *Task) Waiting() string {
	buffers := t.buffers()
	for _, in := range t.inputs {
		switch of := in.partition; {
		case in.hasHead() || buffers && t.config.Idle < 0:
		case !in.caughtUp():
			return fmt.Sprintf("topic %q partition %d: at offset %d of %d", of.Topic, of.ID, in.fetched, in.end)
		case buffers && in.idle == waiting:
			return fmt.Sprintf("topic %q partition %d: new records, until %v", of.Topic, of.ID, in.deadline)
		}
	}
	if buffers {
		return ""
	}
	return "new records"
}
