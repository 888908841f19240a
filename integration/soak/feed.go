package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/integration/soak/account"
)

// feed makes events flow, no faster than they are processed.
type feed struct {
	kafka   *kafka
	events  *account.Events
	account *account.Account
	ahead   int64

	failed  atomic.Pointer[error]
	cancel  context.CancelFunc
	flowing sync.WaitGroup
}

const feedBatch = 1000

// start makes events flow until stop is called.
func (f *feed) start(ctx context.Context) {
	ctx, f.cancel = context.WithCancel(ctx)
	f.flowing.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		batch := make([]account.Event, feedBatch)
		for ctx.Err() == nil {
			if c := f.account.Counts(); c.Events-c.Chains < f.ahead {
				for i := range batch {
					batch[i] = f.events.Next()
				}
				f.send(batch)
				continue
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	})
}

// stop ends the flow, and returns once all is there.
func (f *feed) stop(ctx context.Context) error {
	f.cancel()
	f.flowing.Wait()
	return f.flush(ctx)
}

// closeWindows sends to each partition what closes all windows so far.
func (f *feed) closeWindows(ctx context.Context, partitions int32) error {
	for p := range partitions {
		if e, ok := f.events.Last(p); ok {
			f.send([]account.Event{e})
		}
	}
	f.events.Skip()
	return f.flush(ctx)
}

func (f *feed) flush(ctx context.Context) error {
	if err := f.kafka.client.Flush(ctx); err != nil {
		return fmt.Errorf("send events: %w", err)
	}
	return f.err()
}

// send gives events to the producer, which keeps each partition's in order. The account is told first.
func (f *feed) send(batch []account.Event) {
	f.account.Sent(batch...)
	for _, e := range batch {
		r := &kgo.Record{Topic: account.Input, Partition: e.Partition, Key: []byte(e.Key), Value: e.Value(), Timestamp: time.UnixMilli(e.At)}
		f.kafka.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				f.failed.CompareAndSwap(nil, &err)
			}
		})
	}
}

func (f *feed) err() error {
	if err := f.failed.Load(); err != nil {
		return fmt.Errorf("send events: %w", *err)
	}
	return nil
}
