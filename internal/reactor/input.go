package reactor

import (
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// input is one input partition of a task: what was fetched of it and not yet processed. Kafka:
// RecordQueue.
type input struct {
	partition record.Partition
	node      *plan.Node // its source
	source    processor.Source
	policies  processor.ErrorPolicies // of the source, before the app's

	done    func([]record.Raw) // takes back a batch that is processed; nil: nobody does
	batches [][]record.Raw     // the first is being processed
	head    int                // of the first batch
	bytes   int                // of all records here, about

	loaded   bool        // the head is decoded, its time known
	loadedAt record.Time // of the head

	next    int64       // the offset to process next: what a commit commits
	fetched int64       // the position behind what was fed
	end     int64       // the last stable offset that is known
	time    record.Time // the highest event time processed; -1: none

	idle     idling      // while it has no records
	deadline record.Time // of the wall clock, for waiting
	consumed int64       // records processed or dropped
}

// raw is the head. There is one if hasHead.
func (in *input) raw() *record.Raw { return &in.batches[0][in.head] }

func (in *input) hasHead() bool { return len(in.batches) > 0 }

// feed appends fetched records. What stands before the position, or was fed before, is dropped:
// a fetch that was under way while the position moved may still bring it.
func (in *input) feed(records []record.Raw, next, end int64) {
	for len(records) > 0 && records[0].Offset < in.fetched {
		records = records[1:]
	}
	if len(records) > 0 {
		in.batches = append(in.batches, records)
		for i := range records {
			in.bytes += records[i].Size()
		}
	}
	in.fetched = max(in.fetched, next)
	in.end = max(in.end, end)
	if !in.hasHead() {
		in.next = in.fetched
	}
}

// pop ends the head. Behind the last one the position is what was fetched, so that it steps over
// markers.
func (in *input) pop() {
	raw := in.raw()
	in.consumed++
	in.next = raw.Offset + 1
	in.bytes -= raw.Size()
	in.loaded = false
	in.head++
	if in.head < len(in.batches[0]) {
		return
	}
	if in.done != nil {
		in.done(in.batches[0])
	}
	in.batches[0] = nil
	in.batches, in.head = in.batches[1:], 0
	if len(in.batches) == 0 {
		in.batches = nil
		in.next = in.fetched
	}
}

// seek forgets everything and starts at the offset.
func (in *input) seek(offset int64, time record.Time) {
	in.batches, in.head, in.bytes, in.loaded, in.idle = nil, 0, 0, false, notIdling
	in.next, in.fetched, in.time = offset, offset, time
}

// caughtUp says that there is nothing to wait for: all that was known to be there was fetched.
func (in *input) caughtUp() bool { return in.fetched >= in.end }
