package protocol

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// An instance died with offsets in an open transaction, the first that there ever were. They are not taken for
// missing, and nobody waits until the transaction times out, after a minute.
func TestDeadOwnersOffsetsDoNotHoldUp(t *testing.T) {
	b := newBench(t)
	x := b.begun("dead", b.out)
	topics, err := b.admin.ListTopics(b.minute(), b.in)
	if err != nil {
		t.Fatal(err)
	}
	of := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	of.Offset = 1
	in := kmsg.NewTxnOffsetCommitRequestTopic()
	in.Topic, in.TopicID, in.Partitions = b.in, topics[b.in].ID, append(in.Partitions, of)
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation, req.Topics = x.id, b.id, x.producer, x.epoch, -1, append(req.Topics, in)
	resp, err := req.RequestWith(b.minute(), x.client)
	if err != nil || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("%+v, %v", resp, err)
	}
	// Why offsets are asked for one by one.
	all, err := b.admin.FetchOffsets(kadm.RequireStable(b.minute()), b.id)
	if _, ok := all.Lookup(b.in, 0); ok || err != nil {
		t.Errorf("asked for all offsets, brokers name one that is pending and new: %v, %v", all, err)
	}
	b.write(70)
	begin := time.Now()
	b.start("one", nil)
	b.counted(70)
	if took := time.Since(begin); took > 50*time.Second {
		t.Errorf("it took %v", took)
	}
	b.says("was aborted", "transactional_id="+x.id)
}
