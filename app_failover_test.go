package pitwheel_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/internal/kafka"
)

// leaveOpen leaves a transaction of an instance open that is dead: with a record if topic is given,
// and with the offset 0 of a partition of "words". It would time out after a minute.
func (b *broker) leaveOpen(instance, topic string, partition int32) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	id := kafka.TransactionalID("app", instance, 0)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.TransactionalID(id), kgo.TransactionTimeout(time.Minute),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		b.t.Fatal(err)
	}
	if topic != "" {
		if err := client.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: partition, Key: []byte("w"), Value: []byte("v")}).FirstErr(); err != nil {
			b.t.Fatal(err)
		}
	}
	producer, epoch, err := client.ProducerID(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	of := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	of.Partition, of.Offset = partition, 0
	words := kmsg.NewTxnOffsetCommitRequestTopic()
	words.Topic, words.TopicID, words.Partitions = "words", b.TopicInfo("words").TopicID, append(words.Partitions, of)
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = id, "app", producer, epoch, -1
	req.Topics = append(req.Topics, words)
	resp, err := req.RequestWith(ctx, client)
	if err != nil || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		b.t.Fatalf("%+v, %v", resp, err)
	}
}

// TestDeadOwnersTransactionIsAborted has an instance die in the middle of a commit: whoever takes its
// tasks over must not wait until its transaction times out.
func TestDeadOwnersTransactionIsAborted(t *testing.T) {
	for _, written := range []string{"", "counts", "app-word-counts-changelog"} {
		t.Run("having written to "+written, func(t *testing.T) {
			b := newBroker(t, 2, "words", "counts")
			b.produce("words", 100, func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%7) })
			first := b.config(t)
			_, stop := start(t, wordCounts(t), first)
			b.awaitRecords("counts", 100)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			b.leaveOpen("dead", written, 0)
			begin := time.Now()
			b.produce("words", 100, func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%7) })
			_, stop = start(t, wordCounts(t), first)
			want := map[string]int64{}
			for i := range 100 {
				want[fmt.Sprintf("w%d", i%7)] += 2
			}
			b.checkSequences("counts", want)
			if took := time.Since(begin); took > 30*time.Second {
				t.Errorf("the hand-over took %v", took)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
