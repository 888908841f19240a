package kafka

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// TransactionalID is that of a loop. No other application's is read as one of this application's: an
// instance id has no '@'.
func TransactionalID(application, instance string, loop int) string {
	return application + "-" + strconv.Itoa(loop) + "@" + instance
}

// ParseTransactionalID is the instance and the loop that an id is of, if it is of the application.
func ParseTransactionalID(application, id string) (instance string, loop int, ok bool) {
	rest, ok := strings.CutPrefix(id, application+"-")
	if !ok {
		return "", 0, false
	}
	number, instance, ok := strings.Cut(rest, "@")
	loop, err := strconv.Atoi(number)
	if !ok || err != nil || loop < 0 || strings.Contains(instance, "@") || TransactionalID(application, instance, loop) != id {
		return "", 0, false
	}
	return instance, loop, true
}

// Holder is a transaction that stands open in a partition, and what its coordinator has of it.
type Holder struct {
	Partition  record.Partition
	ProducerID int64
	Epoch      int16
	Start      int64 // the offset of its first record there

	CoordinatorEpoch int32 // of the coordinator that ended the producer's last transaction there

	ID       string // transactional; empty: no coordinator has one for the producer, or none that it tells this app
	State    string // "Ongoing", "PrepareCommit", "CompleteCommit" ... as Kafka writes them
	EpochNow int16  // of the producer, as its coordinator has it
	Timeout  int32  // of the transaction, in milliseconds
}

// Ongoing says that its coordinator has it open too: it can be fenced, and ends by its timeout.
func (h *Holder) Ongoing() bool { return h.State == "Ongoing" && h.EpochNow == h.Epoch }

// Ending says that its coordinator is about to write its markers. Those of a transaction that was
// ended under a new epoch (KIP-890, or because it was fenced) are of that.
func (h *Holder) Ending() bool {
	return strings.HasPrefix(h.State, "Prepare") && (h.EpochNow == h.Epoch || h.EpochNow == h.Epoch+1)
}

// Holders are the transactions that stand open in those partitions. It is tried once. Error: brokers do
// not say (that takes Kafka 3.0, and the rights to read the topics and to describe transactional ids).
func (a *Admin) Holders(ctx context.Context, of []record.Partition) ([]Holder, error) {
	set := kadm.TopicsSet{}
	for _, p := range of {
		set.Add(p.Topic, p.ID)
	}
	producers, err := a.admin.DescribeProducers(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("describe producers: %w", err)
	}
	var holders []Holder
	var ids []int64
	for _, p := range producers.SortedProducers() {
		if p.CurrentTxnStartOffset < 0 {
			continue
		}
		holders = append(holders, Holder{
			Partition:  record.Partition{Topic: p.Topic, ID: p.Partition},
			ProducerID: p.ProducerID, Epoch: p.ProducerEpoch, Start: p.CurrentTxnStartOffset, CoordinatorEpoch: p.CoordinatorEpoch,
		})
		ids = append(ids, p.ProducerID)
	}
	if len(holders) == 0 {
		return nil, nil
	}
	listed, err := a.admin.ListTransactions(ctx, ids, nil)
	if err != nil {
		return nil, fmt.Errorf("list transactions: %w", err)
	}
	described := kadm.DescribedTransactions{}
	if len(listed) > 0 {
		if described, err = a.admin.DescribeTransactions(ctx, listed.TransactionalIDs()...); err != nil {
			return nil, fmt.Errorf("describe transactions: %w", err)
		}
	}
	for i := range holders {
		h := &holders[i]
		for _, t := range described {
			if t.Err == nil && t.ProducerID == h.ProducerID {
				h.ID, h.State, h.EpochNow, h.Timeout = t.TxnID, t.State, t.ProducerEpoch, t.TimeoutMillis
			}
		}
	}
	return holders, nil
}

// Ongoing are the application's transactional ids that have a transaction open. It is tried once.
func (a *Admin) Ongoing(ctx context.Context, application string) ([]string, error) {
	// Brokers before 4.1 do not know the pattern and list all.
	pattern := "^" + regexp.QuoteMeta(application) + "-[0-9]+@.*$"
	listed, err := a.admin.ListTransactionsByTxPattern(ctx, nil, []string{"Ongoing"}, pattern)
	if err != nil {
		return nil, fmt.Errorf("list transactions: %w", err)
	}
	var ids []string
	for _, t := range listed.Sorted() {
		if _, _, ok := ParseTransactionalID(application, t.TxnID); ok && t.State == "Ongoing" {
			ids = append(ids, t.TxnID)
		}
	}
	return ids, nil
}

// Instances are the ids of the group's static members. It is tried once.
func (a *Admin) Instances(ctx context.Context, group string) (map[string]bool, error) {
	described, err := a.admin.DescribeGroups(ctx, group)
	if err == nil {
		err = described.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("describe group %q: %w", group, a.access.denied(err, Right{"Describe", "group", group}))
	}
	ids := map[string]bool{}
	for _, m := range described[group].Members {
		if m.InstanceID != nil {
			ids[*m.InstanceID] = true
		}
	}
	return ids, nil
}

// Fence takes a transactional id, which aborts its open transaction. Whoever holds it and is alive is
// told with its next request, and takes it up anew.
func (a *Admin) Fence(ctx context.Context, id string) error {
	return retry(ctx, a.access, fmt.Sprintf("take transactional id %q", id), func(ctx context.Context) error {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis = &id, 10000
		req.ProducerID, req.ProducerEpoch = -1, -1
		resp, err := req.RequestWith(ctx, a.client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(resp.ErrorCode)
	})
}
