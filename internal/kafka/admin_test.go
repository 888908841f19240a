package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

func TestTopicsAreThoseThatExist(t *testing.T) {
	f := newFake(t, 3, "a", "b")
	got, err := f.admin().Topics(limited(t), []string{"a", "missing"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got["a"].Partitions != 3 || got["a"].ID == [16]byte{} {
		t.Errorf("got %v, want topic a with 3 partitions and an id", got)
	}
	none, err := f.admin().Topics(limited(t), nil)
	if err != nil || len(none) != 0 {
		t.Errorf("asked for nothing: %v, %v", none, err)
	}
	if again, err := f.admin().Topics(limited(t), []string{"missing"}); err != nil || len(again) != 0 {
		t.Errorf("looking made a topic: %v, %v", again, err)
	}
}

func TestCreateMakesATopicWithItsConfig(t *testing.T) {
	f := newFake(t, 1)
	a := f.admin()
	topic := NewTopic{Name: "new", Partitions: 5, Replication: -1, Config: map[string]string{"cleanup.policy": "compact", "retention.ms": "7"}}
	for range 2 { // one that exists is left as it is
		if err := a.Create(limited(t), topic); err != nil {
			t.Fatal(err)
		}
		topic.Partitions = 9
	}
	got, err := a.Topics(limited(t), []string{"new"})
	if err != nil || got["new"].Partitions != 5 {
		t.Errorf("got %v, %v, want 5 partitions", got, err)
	}
	config, err := a.TopicConfig(limited(t), "new")
	if err != nil || config["cleanup.policy"] != "compact" || config["retention.ms"] != "7" {
		t.Errorf("config %v, %v", config, err)
	}
}

func TestTopicThatCannotBeMadeIsAnError(t *testing.T) {
	f := newFake(t, 1)
	f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.PolicyViolation, Count: -1})
	err := f.admin().Create(limited(t), NewTopic{Name: "new", Partitions: 1, Replication: -1})
	if !errors.Is(err, kerr.PolicyViolation) {
		t.Fatalf("got %v, want POLICY_VIOLATION", err)
	}
	if diff := cmp.Diff(`create topic "new": `, err.Error()[:len(`create topic "new": `)]); diff != "" {
		t.Error(diff)
	}
}

func TestAdminAsksAgain(t *testing.T) {
	of := []record.Partition{{Topic: "in"}}
	tests := []struct {
		name  string
		fault kfake.Fault
		ask   func(ctx context.Context, a *Admin) error
	}{
		{"offsets", kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.NotLeaderForPartition}, func(ctx context.Context, a *Admin) error {
			_, err := a.Ends(ctx, of)
			return err
		}},
		{"committed offsets", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit}, func(ctx context.Context, a *Admin) error {
			_, err := a.Committed(ctx, "app", of)
			return err
		}},
		{"creating", kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.RequestTimedOut}, func(ctx context.Context, a *Admin) error {
			return a.Create(ctx, NewTopic{Name: "new", Partitions: 1, Replication: -1})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, 1, "in")
			f.commitOnce(5, "m") // so that there is something to be asked for
			tt.fault.Count = 2
			fault := f.Fault(tt.fault)
			if err := tt.ask(limited(t), f.admin()); err != nil {
				t.Fatal(err)
			}
			if fault.Hits() == 0 {
				t.Error("the fault was not met")
			}
		})
	}
}

// commitOnce commits an offset of topic "in" by hand.
func (f *fake) commitOnce(at int64, metadata string) {
	f.t.Helper()
	p := f.producer("")
	if err := p.Commit(limited(f.t), Member{Generation: -1}, f.offset(at, metadata)); err != nil {
		f.t.Fatal(err)
	}
}

func TestCommittedIsWhatTheGroupHas(t *testing.T) {
	f := newFake(t, 2, "in", "other")
	a := f.admin()
	of := []record.Partition{{Topic: "in"}, {Topic: "in", ID: 1}, {Topic: "other"}}
	got, err := a.Committed(limited(t), "app", of)
	if err != nil || len(got) != 0 {
		t.Fatalf("a group that never was: %v, %v", got, err)
	}
	f.commitOnce(7, "meta")
	got, err = a.Committed(limited(t), "app", of)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[record.Partition]CommittedOffset{{Topic: "in"}: {7, "meta"}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// K1: an offset in a transaction that is not decided is waited for, not passed over.
func TestCommittedWaitsForPendingTransactions(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	f.commitOnce(3, "old")
	p := f.producer("id")
	p.mustProduce(t, "out", "x")
	if err := p.Flush(limited(t)); err != nil {
		t.Fatal(err)
	}
	// The end of the transaction is held back while its offsets are pending.
	hold := f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.CoordinatorLoadInProgress, Count: -1})
	ended := make(chan error, 1)
	go func() { ended <- p.Commit(limited(t), Member{Generation: -1}, f.offset(9, "new")) }()
	if err := hold.Wait(limited(t), 1); err != nil {
		t.Fatal(err)
	}
	early, cancel := context.WithTimeout(limited(t), 300*time.Millisecond)
	defer cancel()
	of := []record.Partition{{Topic: "in"}}
	if got, err := f.admin().Committed(early, "app", of); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while the transaction is pending: %v, %v", got, err)
	}
	hold.Remove()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := f.offsetOf(); got != "9 new" {
		t.Errorf("committed %q, want \"9 new\"", got)
	}
}

// The end is where a restore must reach, the stable end how far everything is decided.
func TestEndsAndStableEndsOfAnOpenTransaction(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	f.fill("out", "a", "b")
	p := f.producer("id")
	p.mustProduce(t, "out", "c", "d", "e")
	if err := p.Flush(limited(t)); err != nil {
		t.Fatal(err)
	}
	of := record.Partition{Topic: "out"}
	check := func(when string, start, stable, end int64) {
		t.Helper()
		a, all := f.admin(), []record.Partition{of}
		ends, err1 := a.Ends(limited(t), all)
		stables, err2 := a.StableEnds(limited(t), all)
		starts, err3 := a.Starts(limited(t), all)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		if starts[of] != start || stables[of] != stable || ends[of] != end {
			t.Errorf("%s: starts at %d, stable to %d, ends at %d; want %d, %d, %d", when, starts[of], stables[of], ends[of], start, stable, end)
		}
	}
	check("open", 0, 2, 5)
	if err := p.Commit(limited(t), Member{Generation: -1}, f.offset(1, "")); err != nil {
		t.Fatal(err)
	}
	check("committed", 0, 6, 6) // with its marker
}

func TestOffsetsOfAPartitionThatIsNotThere(t *testing.T) {
	f := newFake(t, 1, "in")
	ctx, cancel := context.WithTimeout(limited(t), 300*time.Millisecond)
	defer cancel()
	_, err := f.admin().Ends(ctx, []record.Partition{{Topic: "in", ID: 9}})
	if err == nil || !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("got %v, want UNKNOWN_TOPIC_OR_PARTITION", err)
	}
	if got, err := f.admin().Ends(limited(t), nil); err != nil || len(got) != 0 {
		t.Errorf("asked for nothing: %v, %v", got, err)
	}
}

func TestAwaitGoesOnUntilItIsThere(t *testing.T) {
	f := newFake(t, 1)
	calls := 0
	err := f.admin().Await(limited(t), "it", func(context.Context) (bool, error) {
		calls++
		return calls == 3, nil
	})
	if err != nil || calls != 3 {
		t.Errorf("%v after %d calls", err, calls)
	}
	err = f.admin().Await(limited(t), "it", func(context.Context) (bool, error) { return false, kerr.TopicAuthorizationFailed })
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("got %v", err)
	}
}
