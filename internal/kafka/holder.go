package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// Fence aborts the transactions that stand open in those partitions and that ours says are this
// application's, by taking their transactional ids. Whoever holds one and is alive is told, and takes
// it up anew. It returns the ids. Error: brokers do not say whose transactions they are (that takes
// Kafka 3.0 and the rights to describe), or an id cannot be taken.
func (a *Admin) Fence(ctx context.Context, of []record.Partition, ours func(transactionalID string) bool) (fenced []string, err error) {
	set := kadm.TopicsSet{}
	for _, p := range of {
		set.Add(p.Topic, p.ID)
	}
	producers, err := a.admin.DescribeProducers(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("describe producers: %w", err)
	}
	open := map[int64]bool{}
	producers.EachProducer(func(p kadm.DescribedProducer) {
		if p.CurrentTxnStartOffset >= 0 {
			open[p.ProducerID] = true
		}
	})
	if len(open) == 0 {
		return nil, nil
	}
	ids := make([]int64, 0, len(open))
	for id := range open {
		ids = append(ids, id)
	}
	transactions, err := a.admin.ListTransactions(ctx, ids, nil)
	if err != nil {
		return nil, fmt.Errorf("list transactions: %w", err)
	}
	for _, t := range transactions.Sorted() {
		if !open[t.ProducerID] || !ours(t.TxnID) {
			continue
		}
		if err := a.takeID(ctx, t.TxnID); err != nil {
			return fenced, err
		}
		fenced = append(fenced, t.TxnID)
	}
	return fenced, nil
}

// takeID makes a new epoch of a transactional id, which aborts its open transaction.
func (a *Admin) takeID(ctx context.Context, id string) error {
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
