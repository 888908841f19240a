package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/integration/soak/account"
)

// follower reads what the application writes while it does, and tells the account.
type follower struct {
	client  *kgo.Client
	account *account.Account
	cancel  context.CancelFunc
	reading sync.WaitGroup
}

// follow begins at the beginning of all output topics.
func follow(ctx context.Context, brokers []string, a *account.Account) (*follower, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(account.Topics()...), kgo.FetchMaxWait(200*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.MetadataMinAge(250*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("follow the output: %w", err)
	}
	f := &follower{client: client, account: a}
	ctx, f.cancel = context.WithCancel(ctx)
	f.reading.Go(func() {
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { a.Seen(resultOf(r, r.Topic)) })
		}
	})
	return f, nil
}

func (f *follower) close() {
	f.cancel()
	f.reading.Wait()
	f.client.Close()
}

func resultOf(r *kgo.Record, place string) account.Result {
	return account.Result{Topic: place, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value}
}
