package reactor

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/record"
)

// watchInputs says, until ctx ends, which transactions keep committed records of inputs from being read for
// longer than one of this application could: somebody's that is long, or one that hangs. It ends no more than
// a task that is held up does.
func (e *Engine) watchInputs(ctx context.Context) {
	ticker := time.NewTicker(e.config.TransactionTimeout)
	defer ticker.Stop()
	h := e.newHoldUp(nil)
	for stood := map[record.Partition]int64{}; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		stuck, err := e.stuckInputs(ctx, stood)
		if err == nil && len(stuck) > 0 {
			err = e.sayHeld(ctx, h, stuck)
		}
		if err != nil && ctx.Err() == nil {
			e.log.Debug("not known what keeps inputs from being read", "error", err)
		}
	}
}

// stuckInputs are the inputs here whose last stable offset stands before their end, where it stood when it
// was last looked. stood is kept from one look to the next.
func (e *Engine) stuckInputs(ctx context.Context, stood map[record.Partition]int64) (stuck []record.Partition, err error) {
	e.mu.Lock()
	of := slices.Collect(maps.Keys(e.owned))
	e.mu.Unlock()
	stable, err := e.admin.StableEnds(ctx, of)
	if err != nil {
		return nil, err
	}
	ends, err := e.admin.Ends(ctx, of)
	if err != nil {
		return nil, err
	}
	before := maps.Clone(stood)
	clear(stood)
	for _, p := range of {
		if stable[p] >= ends[p] {
			continue
		}
		stood[p] = stable[p]
		if at, ok := before[p]; ok && at == stable[p] {
			stuck = append(stuck, p)
		}
	}
	return stuck, nil
}

// sayHeld says who holds inputs up.
func (e *Engine) sayHeld(ctx context.Context, h *holdUp, stuck []record.Partition) error {
	holders, err := e.admin.Holders(ctx, stuck)
	if err != nil {
		return err
	}
	for i := range holders {
		if x := &holders[i]; x.Ongoing() || x.Ending() {
			e.log.Warn("an input is not read further: a transaction stands open in it", "topic", x.Partition.Topic, "partition", x.Partition.ID,
				"from_offset", x.Start, "transactional_id", x.ID, "producer_id", x.ProducerID, "state", x.State,
				"times_out_after", time.Duration(x.Timeout)*time.Millisecond)
		}
	}
	return h.inquire(ctx, stuck, nil)
}
