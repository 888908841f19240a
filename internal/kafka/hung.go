package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/pitwheel/pitwheel/record"
)

// Verdict is what became of a transaction, as far as that can be proven.
type Verdict int

// The verdicts.
const (
	Undecided Verdict = iota
	Committed
	Aborted
)

// String is the verdict in the words of the log.
func (v Verdict) String() string {
	return [...]string{"undecided", "committed", "aborted"}[v]
}

// Hung says that the transaction stands open in its partition and that its coordinator, which has the
// producer, has not: nobody will ever end it. A coordinator that writes its markers while a partition has no
// leader takes the partition for deleted and leaves it so; before KIP-890 late records could do it too.
func (h *Holder) Hung() bool { return h.ID != "" && !h.Ongoing() && !h.Ending() }

// End is the offset after the transaction's last record in its partition.
func (a *Admin) End(ctx context.Context, h *Holder) (end int64, err error) {
	end = h.Start
	err = a.Batches(ctx, h.Partition, h.Start, func(b Batch) bool {
		if b.ProducerID == h.ProducerID && b.Epoch == h.Epoch && !b.Control {
			end = b.Next
		}
		return true
	})
	return end, err
}

// markerBack is how many offsets before its end a partition is looked through for markers.
const markerBack = 20000

// FindMarker looks through a partition, from not too far before its end, for the marker that ended the
// transaction there. Only a marker under the epoch after is taken for it: then (KIP-890) each transaction has
// an epoch of its own, while one under the same epoch may have ended another.
func (a *Admin) FindMarker(ctx context.Context, h *Holder, in record.Partition) (v Verdict, at int64, err error) {
	of := []record.Partition{in}
	starts, err := a.Starts(ctx, of)
	if err != nil {
		return v, 0, err
	}
	ends, err := a.Ends(ctx, of)
	if err != nil {
		return v, 0, err
	}
	part := false // the transaction has records there
	err = a.Batches(ctx, in, max(starts[in], ends[in]-markerBack), func(b Batch) bool {
		switch {
		case b.ProducerID != h.ProducerID:
		case !b.Control:
			part = b.Epoch == h.Epoch
		case part && b.Epoch == h.Epoch+1:
			v, at = Aborted, b.Next-1
			if b.Commit {
				v = Committed
			}
			return false
		default:
			part = false
		}
		return true
	})
	return v, at, err
}

// WriteMarkers ends transactions that hang in their partitions, as it is said. Error: brokers do not let
// this app, or it is not true any more that they stand open.
func (a *Admin) WriteMarkers(ctx context.Context, of []Holder, commit bool) error {
	for i := range of {
		h := &of[i]
		topics := kadm.TopicsSet{}
		topics.Add(h.Partition.Topic, h.Partition.ID)
		responses, err := a.admin.WriteTxnMarkers(ctx, kadm.TxnMarkers{
			ProducerID: h.ProducerID, ProducerEpoch: h.Epoch, Commit: commit,
			CoordinatorEpoch: max(h.CoordinatorEpoch, 0), // -1: there was no marker of the producer yet
			Topics:           topics,
		})
		for _, p := range responses.SortedPartitions() {
			err = firstError(err, p.Err)
		}
		if err != nil {
			err = a.access.denied(err, Right{"Alter", "cluster", ""})
			return fmt.Errorf("write the marker of producer %d to topic %q partition %d: %w", h.ProducerID, h.Partition.Topic, h.Partition.ID, err)
		}
	}
	return nil
}

// Batch is what a batch's header says.
type Batch struct {
	Next       int64 // the offset after its last
	ProducerID int64 // -1: none
	Epoch      int16
	Control    bool
	Commit     bool // of a control batch: it is the marker of a commit
}

// Batches goes through a partition's batches, committed or not, from the offset to the end, until each returns
// false.
func (a *Admin) Batches(ctx context.Context, of record.Partition, from int64, each func(Batch) bool) error {
	ends, err := a.Ends(ctx, []record.Partition{of})
	if err != nil {
		return err
	}
	for from < ends[of] {
		req, leader, err := look(ctx, a.client, of, from, readUncommitted)
		if err != nil {
			return err
		}
		resp, err := req.RequestWith(ctx, a.client.Broker(int(leader)))
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil {
			return fmt.Errorf("topic %q partition %d: %w", of.Topic, of.ID, err)
		}
		if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
			return fmt.Errorf("topic %q partition %d: %w", of.Topic, of.ID, errNotFetched)
		}
		got := &resp.Topics[0].Partitions[0]
		if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
			return fmt.Errorf("topic %q partition %d: %w", of.Topic, of.ID, a.access.denied(err, ReadTopic(of.Topic)))
		}
		next, more := eachBatch(got.RecordBatches, from, each)
		if !more {
			return nil
		}
		if next <= from {
			return fmt.Errorf("topic %q partition %d at offset %d: %w", of.Topic, of.ID, from, errNotFetched)
		}
		from = next
	}
	return nil
}

var errNotFetched = errors.New("nothing was fetched")

// The format of a batch (magic 2), https://kafka.apache.org/documentation/#recordbatch.
const (
	batchLength   = 8 // of what follows it
	batchAttrs    = 21
	batchLast     = 23
	batchProducer = 43
	batchEpoch    = 51
	batchRecords  = 61
	batchControl  = 1 << 5
)

// eachBatch goes through fetched batches, of which the last may be cut. What it returns is the offset after
// the last whole one, and whether to go on.
func eachBatch(raw []byte, from int64, each func(Batch) bool) (next int64, more bool) {
	next = from
	for len(raw) >= batchRecords {
		size := batchLength + 4 + int(int32(binary.BigEndian.Uint32(raw[batchLength:])))
		if size < batchRecords || size > len(raw) {
			break
		}
		b := Batch{
			Next:       int64(binary.BigEndian.Uint64(raw)) + int64(int32(binary.BigEndian.Uint32(raw[batchLast:]))) + 1,
			ProducerID: int64(binary.BigEndian.Uint64(raw[batchProducer:])),
			Epoch:      int16(binary.BigEndian.Uint16(raw[batchEpoch:])),
			Control:    binary.BigEndian.Uint16(raw[batchAttrs:])&batchControl != 0,
		}
		if b.Control {
			b.Commit = isCommit(raw[batchRecords:size])
		}
		next, raw = b.Next, raw[size:]
		if !each(b) {
			return next, false
		}
	}
	return next, true
}

// isCommit says whether a control batch's record is the marker of a commit: its key is a version and a type.
func isCommit(records []byte) bool {
	_, n := binary.Varint(records) // the record's length
	if n <= 0 || len(records) < n+1 {
		return false
	}
	records = records[n+1:] // and its attributes
	for range 2 {           // its time and offset
		if _, n = binary.Varint(records); n <= 0 {
			return false
		}
		records = records[n:]
	}
	size, n := binary.Varint(records)
	return n > 0 && size >= 4 && len(records) >= n+4 && binary.BigEndian.Uint16(records[n+2:]) == 1
}

const offsetsTopic = "__consumer_offsets"

// OffsetsPartition is where the group's offsets stand. It is tried once.
func (a *Admin) OffsetsPartition(ctx context.Context, group string) (record.Partition, error) {
	found, err := a.admin.ListTopicsWithInternal(ctx, offsetsTopic)
	if err == nil {
		err = found[offsetsTopic].Err
	}
	if err != nil {
		return record.Partition{}, fmt.Errorf("topic %q: %w", offsetsTopic, a.access.denied(err, Right{"Describe", "topic", offsetsTopic}))
	}
	count := int32(len(found[offsetsTopic].Partitions))
	if count == 0 {
		return record.Partition{}, fmt.Errorf("topic %q: %w", offsetsTopic, kerr.UnknownTopicOrPartition)
	}
	return record.Partition{Topic: offsetsTopic, ID: offsetsHash(group) % count}, nil
}

// offsetsHash is Kafka's: GroupCoordinator.partitionFor, of Java's String.hashCode.
func offsetsHash(group string) int32 {
	h := int32(0)
	for _, unit := range utf16.Encode([]rune(group)) {
		h = 31*h + int32(unit)
	}
	return h & math.MaxInt32
}
