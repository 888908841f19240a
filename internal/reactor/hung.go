package reactor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/record"
)

// inquireEvery is how often it is looked whether a transaction that holds a task up hangs, sayHungEvery how
// often one that does is reported.
const (
	inquireEvery = 5 * time.Second
	sayHungEvery = time.Minute
)

// hung is a transaction that no coordinator will ever end, with what can be proven about it.
type hung struct {
	kafka.Holder
	end      int64 // the offset after its last record
	verdict  kafka.Verdict
	evidence string
}

// hungKey tells transactions in partitions apart.
type hungKey struct {
	of       record.Partition
	producer int64
	epoch    int16
	start    int64
}

func keyOf(h *kafka.Holder) hungKey { return hungKey{h.Partition, h.ProducerID, h.Epoch, h.Start} }

// inquire looks for transactions that hang among those that hold the task up, reports each with all that
// is known, and ends it if the app's policy says so and it is proven how it was decided. One that is being
// ended may look as if it hung, so each must be seen twice.
func (h *holdUp) inquire(ctx context.Context, open, pending []record.Partition) error {
	e, now := h.engine, time.Now()
	in := slices.Clone(open)
	if len(pending) > 0 {
		p, err := e.admin.OffsetsPartition(ctx, e.config.ApplicationID)
		if err != nil {
			return err
		}
		in = append(in, p)
	}
	holders, err := e.admin.Holders(ctx, in)
	if err != nil {
		return err
	}
	for i := range holders {
		x := &holders[i]
		if _, _, ours := kafka.ParseTransactionalID(e.config.ApplicationID, x.ID); !ours && !slices.Contains(open, x.Partition) || x.ID != "" && !x.Hung() {
			continue
		}
		said, seen := h.hung[keyOf(x)]
		h.hung[keyOf(x)] = said
		if !seen || now.Sub(said) < sayHungEvery {
			continue
		}
		h.hung[keyOf(x)] = now
		found, err := h.examine(ctx, x, h.task != nil && len(pending) == 0)
		if err != nil {
			return err
		}
		h.report(found)
		if err := h.repair(ctx, found); err != nil {
			return err
		}
	}
	return nil
}

// examine gathers what proves how a transaction was decided:
//
//   - The offsets that are committed are of the very commit that wrote this changelog up to this transaction's
//     last record: it was committed, with them.
//   - Another partition has its marker.
//
// Anything less proves nothing: offsets of another commit may only mean that theirs are not decided either.
func (h *holdUp) examine(ctx context.Context, x *kafka.Holder, stable bool) (found *hung, err error) {
	e := h.engine
	found = &hung{Holder: *x, evidence: "no other partition that this application writes has a marker of it, and the committed offsets are not of its commit"}
	if found.end, err = e.admin.End(ctx, x); err != nil {
		return nil, err
	}
	if stable {
		proof, err := e.proof(ctx, h.task)
		if err != nil {
			return nil, err
		}
		for name, p := range h.task.Changelogs() {
			if p == x.Partition && found.end > x.Start && proof.Positions[name] == found.end {
				found.verdict = kafka.Committed
				found.evidence = fmt.Sprintf("the committed offsets are of commit %d, which wrote this changelog up to offset %d: up to this transaction's last record", proof.Seq, found.end)
				return found, nil
			}
		}
	}
	for _, p := range e.topics().writtenPartitions() {
		if p == x.Partition {
			continue
		}
		verdict, at, err := e.admin.FindMarker(ctx, x, p)
		if err != nil {
			return nil, err
		}
		if verdict == kafka.Aborted && e.transactionVersion < transactionVersion {
			found.evidence = fmt.Sprintf("topic %q partition %d has a marker that aborted the producer's last transaction, at offset %d, but below transaction.version %d that may have been another", p.Topic, p.ID, at, transactionVersion)
			continue
		}
		if verdict != kafka.Undecided {
			found.verdict = verdict
			found.evidence = fmt.Sprintf("topic %q partition %d has its marker at offset %d: it was %v", p.Topic, p.ID, at, verdict)
			return found, nil
		}
	}
	return found, nil
}

// report logs a transaction that hangs with every fact, and what to do.
func (h *holdUp) report(x *hung) {
	e := h.engine
	state, fix := x.State, "set Config.HungTransactions to RepairHung and start this instance again: it ends the transaction as it was decided"
	abort := fmt.Sprintf("kafka-transactions.sh --bootstrap-server %s abort --topic %s --partition %d --start-offset %d",
		e.config.Kafka.Brokers[0], x.Partition.Topic, x.Partition.ID, x.Start)
	switch x.verdict {
	case kafka.Aborted:
		fix += ", as does " + abort
	case kafka.Committed:
		fix += ". Do not use kafka-transactions.sh: it can only abort, and what was committed would be lost"
	default:
		fix = "nothing proves how it was decided: find out from the outputs, then abort it with " + abort
	}
	if state == "" {
		state = "no coordinator has the producer, or none that tells this app"
	}
	e.log.Error("a transaction hangs: no coordinator will ever end it", "holds_up", h.what,
		"topic", x.Partition.Topic, "partition", x.Partition.ID, "producer_id", x.ProducerID, "producer_epoch", x.Epoch,
		"start_offset", x.Start, "end_offset", x.end, "coordinator_epoch", x.CoordinatorEpoch,
		"transactional_id", x.ID, "coordinator_has", state, "coordinators_producer_epoch", x.EpochNow,
		"decided", x.verdict.String(), "evidence", x.evidence, "fix", fix)
}

// repair ends the transaction wherever it hangs, if the policy says so. It does so only with what is this
// application's, and only as it is proven to have been decided.
func (h *holdUp) repair(ctx context.Context, x *hung) error {
	e := h.engine
	if _, _, ours := kafka.ParseTransactionalID(e.config.ApplicationID, x.ID); !ours || !e.config.RepairHung || x.verdict == kafka.Undecided {
		return nil
	}
	in := e.topics().writtenPartitions()
	if p, err := e.admin.OffsetsPartition(ctx, e.config.ApplicationID); err == nil {
		in = append(in, p)
	}
	holders, err := e.admin.Holders(ctx, in)
	if err != nil { // without the right to look everywhere, where it was found
		holders, err = e.admin.Holders(ctx, []record.Partition{x.Partition})
	}
	if err != nil {
		return err
	}
	holders = slices.DeleteFunc(holders, func(o kafka.Holder) bool {
		return o.ProducerID != x.ProducerID || o.Epoch != x.Epoch || !o.Hung()
	})
	if len(holders) == 0 {
		return nil // it was ended meanwhile
	}
	if err := e.admin.WriteMarkers(ctx, holders, x.verdict == kafka.Committed); err != nil {
		return err
	}
	var where []string
	for i := range holders {
		where = append(where, fmt.Sprintf("%s-%d", holders[i].Partition.Topic, holders[i].Partition.ID))
	}
	e.log.Warn("a transaction that hung was ended as it had been decided", "transactional_id", x.ID, "producer_id", x.ProducerID,
		"producer_epoch", x.Epoch, "decided", x.verdict.String(), "partitions", strings.Join(where, ", "))
	return nil
}
