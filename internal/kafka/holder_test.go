package kafka

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/record"
)

// Transactions that their holder left open are aborted, those of other applications are not.
func TestFenceAbortsOurOpenTransactions(t *testing.T) {
	f := newFake(t, 2, "in")
	for partition, id := range []string{"app-dead-0", "other-0"} {
		client := f.plain(kgo.TransactionalID(id), kgo.TransactionTimeout(time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(limited(t), &kgo.Record{Topic: "in", Partition: int32(partition), Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	ours, theirs := record.Partition{Topic: "in", ID: 0}, record.Partition{Topic: "in", ID: 1}
	both := []record.Partition{ours, theirs}
	a := f.admin()
	ids, err := a.Fence(limited(t), both, func(id string) bool { return strings.HasPrefix(id, "app-") })
	if err != nil || !slices.Equal(ids, []string{"app-dead-0"}) {
		t.Errorf("fenced %v, %v", ids, err)
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
		t.Errorf("stable ends %v of %v: want ours decided and the other application's not", stable, ends)
	}
	if ids, err := a.Fence(limited(t), []record.Partition{ours}, func(string) bool { return true }); err != nil || len(ids) > 0 {
		t.Errorf("with nothing open: fenced %v, %v", ids, err)
	}
}
