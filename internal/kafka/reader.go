package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/internal/planted"
	"github.com/pitwheel/pitwheel/record"
)

// Reader reads committed records of given partitions, outside of any group: what a restore and
// standbys do.
type Reader struct {
	client *kgo.Client
	access *Access
}

// readerBytes bounds what a reader fetches of one broker at a time.
const readerBytes = 16 << 20

// NewReader makes a reader of the partitions, of which there is at least one, from those offsets on;
// Close it.
func NewReader(c Config, from map[record.Partition]int64) (*Reader, error) {
	c = c.Shared()
	isolation := kgo.ReadCommitted()
	if planted.RestoreUncommitted {
		isolation = kgo.ReadUncommitted()
	}
	client, err := kgo.NewClient(c.options(
		kgo.ConsumePartitions(offsets(from)),
		kgo.WithPools(recordPools{}),
		kgo.FetchMaxBytes(readerBytes),
		kgo.FetchIsolationLevel(isolation),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// Without markers a tail of markers or of aborted records would look unread for ever.
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(100*time.Millisecond),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka reader: %w", err)
	}
	return &Reader{client: client, access: c.Access}, nil
}

func offsets(from map[record.Partition]int64) map[string]map[int32]kgo.Offset {
	at := map[string]map[int32]kgo.Offset{}
	for p, offset := range from {
		if at[p.Topic] == nil {
			at[p.Topic] = map[int32]kgo.Offset{}
		}
		at[p.Topic][p.ID] = kgo.NewOffset().At(offset)
	}
	return at
}

// Add reads more partitions, from those offsets on.
func (r *Reader) Add(from map[record.Partition]int64) { r.client.AddConsumePartitions(offsets(from)) }

// Remove reads those partitions no more. Like Add, it must be called between polls.
func (r *Reader) Remove(of []record.Partition) { r.client.RemoveConsumePartitions(byTopic(of)) }

// Close ends the client.
func (r *Reader) Close() { r.client.Close() }

// Poll is as a Consumer's.
func (r *Reader) Poll(ctx context.Context, each func(Fetched)) error {
	return poll(ctx, r.client, r.access, each)
}

func outOfRange(err error) bool { return errors.Is(err, kerr.OffsetOutOfRange) }
