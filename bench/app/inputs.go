package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// inputs tells when all of the input is committed.
type inputs struct {
	admin *kadm.Client
	group string
	input string
	ends  kadm.ListedOffsets // of the input, when it was opened
}

func openInputs(ctx context.Context, o *options) (*inputs, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(o.brokers...), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		return nil, err
	}
	b := &inputs{admin: kadm.NewClient(client), group: o.appID, input: o.input}
	if b.ends, err = b.admin.ListEndOffsets(ctx, o.input); err == nil {
		err = b.ends.Error()
	}
	if err != nil {
		b.close()
		return nil, fmt.Errorf("the ends of %s: %w", o.input, err)
	}
	return b, nil
}

func (b *inputs) close() { b.admin.Close() }

// reached waits until the group's offsets are at the ends.
func (b *inputs) reached(ctx context.Context) error {
	for {
		done, err := b.admin.FetchOffsets(ctx, b.group)
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for the last commit: %w", context.Cause(ctx))
		}
		if err == nil && b.behind(done) == 0 {
			return nil
		}
		select {
		case <-time.NewTimer(20 * time.Millisecond).C:
		case <-ctx.Done():
		}
	}
}

// behind is how many records are not committed.
func (b *inputs) behind(done kadm.OffsetResponses) (n int64) {
	b.ends.Each(func(end kadm.ListedOffset) {
		at := int64(0)
		if o, ok := done.Lookup(end.Topic, end.Partition); ok && o.Err == nil {
			at = max(o.At, 0)
		}
		n += max(end.Offset-at, 0)
	})
	return n
}

// adopt commits the input's beginnings for the group, without pitwheel's mark: what an application leaves that is
// taken over from Kafka Streams. Without any offset, a changelog that has records would be refused.
func (b *inputs) adopt(ctx context.Context) error {
	var at kadm.Offsets
	b.ends.Each(func(end kadm.ListedOffset) {
		at.Add(kadm.Offset{Topic: end.Topic, Partition: end.Partition, At: 0, LeaderEpoch: -1})
	})
	done, err := b.admin.CommitOffsets(ctx, b.group, at)
	if err == nil {
		err = done.Error()
	}
	if err != nil {
		return fmt.Errorf("committing where to begin: %w", err)
	}
	return nil
}
