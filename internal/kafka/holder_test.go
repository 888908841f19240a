package kafka

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// leaveOpen begins a transaction with a record in a partition of topic "in", and does not end it.
func (f *fake) leaveOpen(id string, partition int32) *kgo.Client {
	f.t.Helper()
	client := f.plain(kgo.TransactionalID(id), kgo.TransactionTimeout(time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := client.BeginTransaction(); err != nil {
		f.t.Fatal(err)
	}
	if err := client.ProduceSync(limited(f.t), &kgo.Record{Topic: "in", Partition: partition, Value: []byte("v")}).FirstErr(); err != nil {
		f.t.Fatal(err)
	}
	return client
}

// leavePending adds the partition's offset 1 to a transaction that was left open.
func (f *fake) leavePending(of *kgo.Client, p record.Partition) {
	f.t.Helper()
	id, epoch, err := of.ProducerID(limited(f.t))
	if err != nil {
		f.t.Fatal(err)
	}
	info, err := f.admin().Topics(limited(f.t), []string{p.Topic})
	if err != nil {
		f.t.Fatal(err)
	}
	partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	partition.Partition, partition.Offset = p.ID, 1
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID, topic.Partitions = p.Topic, info[p.Topic].ID, append(topic.Partitions, partition)
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, _ = of.OptValue(kgo.TransactionalID).(string)
	req.Group, req.ProducerID, req.ProducerEpoch, req.Generation, req.Topics = "app", id, epoch, -1, append(req.Topics, topic)
	resp, err := req.RequestWith(limited(f.t), of)
	if err != nil || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		f.t.Fatalf("%+v, %v", resp, err)
	}
}

// Transactions that their holder left open are found and aborted, those of other applications are not
// taken for ours.
func TestOpenTransactionsAreFoundAndFenced(t *testing.T) {
	f := newFake(t, 2, "in")
	f.leaveOpen("app-0@dead", 0)
	for _, theirs := range []string{"app-b-0@dead", "app-0", "ap-0@dead", "app-0@dead@b-1@x"} {
		f.leaveOpen(theirs, 1)
	}
	ours, theirs := record.Partition{Topic: "in", ID: 0}, record.Partition{Topic: "in", ID: 1}
	both := []record.Partition{ours, theirs}
	a := f.admin()
	holders, err := a.Holders(limited(t), []record.Partition{ours})
	if err != nil || len(holders) != 1 || holders[0].ID != "app-0@dead" || holders[0].Partition != ours || !holders[0].Ongoing() || holders[0].Ending() {
		t.Fatalf("holders %+v, %v", holders, err)
	}
	ids, err := a.Ongoing(limited(t), "app")
	if err != nil || !slices.Equal(ids, []string{"app-0@dead"}) {
		t.Errorf("ongoing %v, %v", ids, err)
	}
	if err := a.Fence(limited(t), "app-0@dead"); err != nil {
		t.Fatal(err)
	}
	stable, err := a.StableEnds(limited(t), both)
	if err != nil {
		t.Fatal(err)
	}
	ends, err := a.Ends(limited(t), both)
	if err != nil {
		t.Fatal(err)
	}
	if stable[ours] != ends[ours] || stable[theirs] == ends[theirs] {
		t.Errorf("stable ends %v of %v: want ours decided and the others not", stable, ends)
	}
	if holders, err := a.Holders(limited(t), []record.Partition{ours}); err != nil || len(holders) > 0 {
		t.Errorf("with nothing open: %v, %v", holders, err)
	}
}

func TestTransactionalIDIsReadAsAWhole(t *testing.T) {
	tests := []struct {
		id       string
		instance string
		loop     int
		ok       bool
	}{
		{TransactionalID("app", "i-1", 12), "i-1", 12, true},
		{"app-0@i", "i", 0, true},
		{"app-b-0@i", "", 0, false},                 // application "app-b"
		{"app-00@i", "", 0, false},                  // never made
		{"app--1@i", "", 0, false},                  // application "app-"
		{"app-i-0", "", 0, false},                   // of something else
		{"app2-0@i", "", 0, false},                  // application "app2"
		{"xapp-0@i", "", 0, false},                  // application "xapp"
		{"app-0", "", 0, false},                     // no instance
		{"app-+0@i", "", 0, false},                  // never made
		{"", "", 0, false},                          // nothing
		{"app-@i", "", 0, false},                    // no loop
		{"app-9223372036854775808@i", "", 0, false}, // no number
	}
	for _, tt := range tests {
		instance, loop, ok := ParseTransactionalID("app", tt.id)
		if instance != tt.instance || loop != tt.loop || ok != tt.ok {
			t.Errorf("%q: got %q, %d, %v", tt.id, instance, loop, ok)
		}
	}
}

// What ended a transaction writes its markers under its epoch or the one after.
func TestHolderIsEndingUnderTheNextEpoch(t *testing.T) {
	tests := []struct {
		state           string
		epoch           int16
		ongoing, ending bool
	}{
		{"Ongoing", 7, true, false},
		{"Ongoing", 8, false, false},
		{"PrepareCommit", 7, false, true},
		{"PrepareAbort", 8, false, true},
		{"PrepareCommit", 9, false, false},
		{"CompleteCommit", 8, false, false},
		{"Empty", 7, false, false},
		{"", 0, false, false},
	}
	for _, tt := range tests {
		h := Holder{Epoch: 7, State: tt.state, EpochNow: tt.epoch}
		if h.Ongoing() != tt.ongoing || h.Ending() != tt.ending {
			t.Errorf("%s of epoch %d: ongoing %v, ending %v", tt.state, tt.epoch, h.Ongoing(), h.Ending())
		}
	}
}

// An offset that was never committed before and stands in an open transaction is pending, not missing:
// who takes it for missing begins at the start and does everything again.
func TestFirstOffsetInAnOpenTransactionIsPending(t *testing.T) {
	f := newFake(t, 2, "in", "other")
	f.commitStart("other")
	in := record.Partition{Topic: "in"}
	f.leavePending(f.leaveOpen("app-0@dead", 1), in)
	a := f.admin()
	pending, err := a.Pending(limited(t), "app", []record.Partition{in})
	if err != nil || !slices.Equal(pending, []record.Partition{in}) {
		t.Fatalf("pending %v, %v", pending, err)
	}
	if err := a.Fence(limited(t), "app-0@dead"); err != nil {
		t.Fatal(err)
	}
	if pending, err = a.Pending(limited(t), "app", []record.Partition{in}); err != nil || len(pending) > 0 {
		t.Errorf("after fencing: pending %v, %v", pending, err)
	}
	if got := f.offsetOf(); got != "none" {
		t.Errorf("after fencing: offset %s", got)
	}
}
