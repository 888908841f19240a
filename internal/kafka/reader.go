package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/record"
)

// Reader reads committed records of given partitions, outside of any group: what a restore does.
type Reader struct {
	client *kgo.Client
	log    *slog.Logger
}

// NewReader makes a reader of the partitions from those offsets on; Close it.
func NewReader(c Config, from map[record.Partition]int64) (*Reader, error) {
	at := map[string]map[int32]kgo.Offset{}
	for p, offset := range from {
		if at[p.Topic] == nil {
			at[p.Topic] = map[int32]kgo.Offset{}
		}
		at[p.Topic][p.ID] = kgo.NewOffset().At(offset)
	}
	client, err := kgo.NewClient(c.options(
		kgo.ConsumePartitions(at),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// Without markers a tail of markers or of aborted records would look unread for ever.
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(100*time.Millisecond),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka reader: %w", err)
	}
	return &Reader{client: client, log: c.Logger}, nil
}

// Close ends the client.
func (r *Reader) Close() { r.client.Close() }

// Poll is as a Consumer's.
func (r *Reader) Poll(ctx context.Context, each func(Fetched)) error {
	return poll(ctx, r.client, r.log, each)
}

func outOfRange(err error) bool { return errors.Is(err, kerr.OffsetOutOfRange) }
