package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// These are the contract with franz-go: what the commit protocol takes for granted. A new version
// of it must pass them.

// nobody commits without a membership, where it does not matter.
var nobody = Member{Generation: -1}

func TestRecordsArriveAsTheyWereGiven(t *testing.T) {
	f := newFake(t, 3, "out")
	p := f.producer("")
	topic := &processor.Topic{Name: "out", Partitions: 3}
	given := []processor.Output{
		{Topic: topic, Partition: 2, Key: []byte("k"), Value: []byte("v"), Time: 1234, Headers: record.Headers{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte{}}}},
		{Topic: topic, Partition: 2, Key: []byte{}, Value: nil, Time: 0},
		{Topic: topic, Partition: 2, Key: nil, Value: []byte{}, Time: 5},
	}
	ack := p.NewAck()
	for i := range given {
		if err := p.Produce(limited(t), &given[i], ack); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(limited(t)); err != nil {
		t.Fatal(err)
	}
	if ack.Next() != 3 {
		t.Errorf("acknowledged up to %d, want 3", ack.Next())
	}
	var got []record.Raw
	f.read(record.Partition{Topic: "out", ID: 2}, 0, 3, func(x Fetched) { got = append(got, x.Records...) })
	for i := range got {
		got[i].LeaderEpoch = 0
	}
	want := []record.Raw{
		{Key: []byte("k"), Value: []byte("v"), Time: 1234, Headers: given[0].Headers},
		{Key: []byte{}, Offset: 1},
		{Value: []byte{}, Time: 5, Offset: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAckIsBehindTheLastAcknowledgedRecord(t *testing.T) {
	var a Ack
	if a.Next() != 0 {
		t.Errorf("Next = %d before the first", a.Next())
	}
	for _, step := range []struct{ offset, want int64 }{{4, 5}, {2, 5}, {-1, 5}, {5, 6}} {
		a.note(step.offset)
		if a.Next() != step.want {
			t.Errorf("after offset %d: Next = %d, want %d", step.offset, a.Next(), step.want)
		}
	}
}

// The client commits whatever succeeded. So a record that failed must show at Flush, and what was
// produced with it must go.
func TestFailedRecordIsNeverCommittedAround(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	p := f.producer("id")
	p.mustProduce(t, "out", "a", strings.Repeat("x", 2<<20), "c")
	err := p.Flush(limited(t))
	of, ok := errors.AsType[*ProduceError](err)
	if !ok || !errors.Is(err, kerr.MessageTooLarge) || !Permanent(err) {
		t.Fatalf("Flush = %v, want a ProduceError for MESSAGE_TOO_LARGE", err)
	}
	if of.Topic != "out" || of.ValueBytes != 2<<20 || !strings.Contains(err.Error(), `"out" partition 0`) || !strings.Contains(err.Error(), "0+2097152 bytes") {
		t.Errorf("error %q does not say which record", err)
	}
	if again := p.Flush(limited(t)); !errors.Is(again, kerr.MessageTooLarge) {
		t.Errorf("a second Flush = %v: the failure was forgotten", again)
	}
	if err := p.Renew(limited(t)); err != nil {
		t.Fatal(err)
	}
	p.mustProduce(t, "out", "after")
	if err := p.Flush(limited(t)); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(limited(t), nobody, f.offset(1, "")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"after"}, f.committed("out")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOffsetsAloneAreATransaction(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	ends := f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Observe: true, Count: -1})
	p := f.producer("id")
	for i := range 3 {
		if err := p.Commit(limited(t), nobody, f.offset(int64(i), fmt.Sprint("m", i))); err != nil {
			t.Fatal(err)
		}
		if want, got := fmt.Sprintf("%d m%d", i, i), f.offsetOf(); got != want {
			t.Errorf("committed %q, want %q", got, want)
		}
	}
	if ends.Hits() < 3 {
		t.Errorf("%d transactions were ended, want 3", ends.Hits())
	}
}

func TestRecordsAndOffsetsAreCommittedTogether(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	p := f.producer("id")
	p.mustProduce(t, "out", "a", "b")
	if err := p.Flush(limited(t)); err != nil {
		t.Fatal(err)
	}
	if got := f.committed("out"); len(got) != 0 || f.offsetOf() != "none" {
		t.Errorf("before the commit: %q, offset %q", got, f.offsetOf())
	}
	if err := p.Commit(limited(t), nobody, f.offset(2, "m")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, f.committed("out")); diff != "" || f.offsetOf() != "2 m" {
		t.Errorf("offset %q, records (-want +got):\n%s", f.offsetOf(), diff)
	}
}

func TestAbortedRecordsAreNotSeen(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	p := f.producer("id")
	p.mustProduce(t, "out", "given up")
	if err := p.Abort(limited(t)); err != nil {
		t.Fatal(err)
	}
	if err := p.Abort(limited(t)); err != nil {
		t.Errorf("nothing to give up, but %v", err)
	}
	p.mustProduce(t, "out", "kept")
	if err := errors.Join(p.Flush(limited(t)), p.Commit(limited(t), nobody, f.offset(1, ""))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"kept"}, f.committed("out")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// KIP-447: what a member that is out of date commits is refused, with everything in its transaction.
func TestOldGenerationIsRefused(t *testing.T) {
	for _, id := range []string{"transactions", ""} {
		t.Run("id "+id, func(t *testing.T) {
			f := newFake(t, 1, "in", "out")
			c := f.join("", false, "in")
			defer c.Close(limited(t))
			next(t, c.assigned)
			member := c.Member()
			if !member.Joined() {
				t.Fatalf("assigned, but the member is %+v", member)
			}
			p := f.producer(id)
			if err := p.Commit(limited(t), member, f.offset(1, "first")); err != nil {
				t.Fatal(err)
			}
			stale := member
			stale.Generation--
			p.mustProduce(t, "out", "zombie")
			if err := p.Flush(limited(t)); err != nil {
				t.Fatal(err)
			}
			if err := p.Commit(limited(t), stale, f.offset(9, "zombie")); err == nil {
				t.Error("a commit of an old generation succeeded")
			}
			if got := f.offsetOf(); got != "1 first" {
				t.Errorf("committed %q, want \"1 first\"", got)
			}
			if err := p.Renew(limited(t)); err != nil {
				t.Fatal(err)
			}
			if err := p.Commit(limited(t), member, f.offset(2, "second")); err != nil {
				t.Fatal(err)
			}
			if got := f.committed("out"); id != "" && len(got) != 0 {
				t.Errorf("the zombie's records were committed: %q", got)
			}
		})
	}
}

func TestMemberIsJoinedWithIdAndGeneration(t *testing.T) {
	for _, tt := range []struct {
		member Member
		want   bool
	}{
		{Member{}, false}, {Member{Generation: -1}, false}, {Member{ID: "m", Generation: -1}, false},
		{Member{Generation: 3}, false}, {Member{ID: "m"}, true}, {Member{ID: "m", Generation: 3, InstanceID: "i"}, true},
	} {
		if got := tt.member.Joined(); got != tt.want {
			t.Errorf("%+v: Joined = %v, want %v", tt.member, got, tt.want)
		}
	}
}

// A new producer of the same id ends what the old one left open, at once: nobody waits for its
// timeout.
func TestRenewingEndsTheOldTransaction(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	old := f.producer("id")
	old.mustProduce(t, "out", "left open")
	if err := old.Flush(limited(t)); err != nil {
		t.Fatal(err)
	}
	if next := f.producer("id"); next == nil {
		t.Fatal("no producer")
	}
	of := record.Partition{Topic: "out"}
	stable, err := f.admin().StableEnds(limited(t), []record.Partition{of})
	if err != nil || stable[of] != 2 {
		t.Errorf("stable to %d, %v, want 2: the record and its marker", stable[of], err)
	}
	// The old one is fenced: whatever it still does fails.
	if err := old.Commit(limited(t), nobody, f.offset(9, "zombie")); err == nil {
		t.Error("a fenced producer committed")
	}
	if got := f.committed("out"); len(got) != 0 || f.offsetOf() != "none" {
		t.Errorf("committed %q and offset %q", got, f.offsetOf())
	}
}

// A producer whose renewal was interrupted has no client. It says so until it is renewed.
func TestProducerWithoutAClientSaysSo(t *testing.T) {
	for _, id := range []string{"transactions", ""} {
		t.Run("id "+id, func(t *testing.T) {
			f := newFake(t, 1, "in", "out")
			p := f.producer(id)
			if id == "" {
				p.Close() // a renewal without transactions asks nobody, so it is not interrupted
			} else {
				f.outage.Store(true)
				ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
				defer cancel()
				if err := p.Renew(ctx); err == nil {
					t.Fatal("renewed without brokers")
				}
				f.outage.Store(false)
			}
			out := processor.Output{Topic: &processor.Topic{Name: "out", Partitions: 1}, Value: []byte("v"), Time: 1}
			for what, err := range map[string]error{
				"Produce": p.Produce(limited(t), &out, nil),
				"Flush":   p.Flush(limited(t)),
				"Commit":  p.Commit(limited(t), nobody, f.offset(1, "")),
			} {
				if !errors.Is(err, errNoClient) {
					t.Errorf("%s = %v, want %v", what, err, errNoClient)
				}
			}
			if err := p.Abort(limited(t)); err != nil {
				t.Errorf("Abort = %v: there is nothing to abort", err)
			}
			if err := p.Renew(limited(t)); err != nil {
				t.Fatal(err)
			}
			p.mustProduce(t, "out", "x")
			if err := p.Flush(limited(t)); err != nil {
				t.Errorf("Flush after Renew = %v", err)
			}
		})
	}
}

// What failed with the old client must not be held against the new one: its records fail one after
// another while it closes, some of them late.
func TestRenewedProducerStartsClean(t *testing.T) {
	for _, id := range []string{"transactions", ""} {
		t.Run("id "+id, func(t *testing.T) {
			f := newFake(t, 1, "in", "out")
			p := f.producer(id)
			for range 20 {
				stuck := f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotLeaderForPartition, Count: -1})
				p.mustProduce(t, "out", make([]string, 2000)...)
				stuck.Remove()
				if err := p.Renew(limited(t)); err != nil {
					t.Fatal(err)
				}
				p.mustProduce(t, "out", "x")
				if err := p.Flush(limited(t)); err != nil {
					t.Fatalf("Flush after Renew = %v", err)
				}
				if err := p.Commit(limited(t), nobody, f.offset(1, "")); err != nil {
					t.Fatalf("Commit after Renew = %v", err)
				}
			}
		})
	}
}

// The answer to the end of a transaction is lost for longer than the client asks again, whether the
// broker did it or not. Then a new producer of the same id, and the offsets' metadata, tell which.
func TestUnknownOutcomeIsToldByTheMetadata(t *testing.T) {
	tests := []struct {
		name    string
		done    bool
		offset  string
		records []string
	}{
		{"done", true, "2 second", []string{"first", "second"}},
		{"not done", false, "1 first", []string{"first"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, 1, "in", "out")
				p := f.producer("id")
				p.mustProduce(t, "out", "first")
				if err := errors.Join(p.Flush(context.Background()), p.Commit(context.Background(), nobody, f.offset(1, "first"))); err != nil {
					t.Fatal(err)
				}
				p.mustProduce(t, "out", "second")
				if err := p.Flush(context.Background()); err != nil {
					t.Fatal(err)
				}
				offsets := f.offset(2, "second")
				f.outageAtEnd(tt.done)
				begin := time.Now()
				err := p.Commit(context.Background(), nobody, offsets)
				if err == nil {
					t.Fatal("Commit succeeded though its answer never came")
				}
				t.Logf("the client gave up after %v: %v", time.Since(begin), err)
				f.outage.Store(false)
				if err := p.Renew(context.Background()); err != nil {
					t.Fatal(err)
				}
				if got := f.offsetOf(); got != tt.offset {
					t.Errorf("committed %q, want %q", got, tt.offset)
				}
				if diff := cmp.Diff(tt.records, f.committed("out")); diff != "" {
					t.Errorf("records (-want +got):\n%s", diff)
				}
				// And it goes on.
				p.mustProduce(t, "out", "third")
				if err := errors.Join(p.Flush(context.Background()), p.Commit(context.Background(), nobody, f.offset(3, "third"))); err != nil {
					t.Fatal(err)
				}
				if got := f.offsetOf(); got != "3 third" {
					t.Errorf("committed %q, want \"3 third\"", got)
				}
			})
		})
	}
}

// A process that stood still for longer than its transaction may last has lost it.
func TestTransactionThatTimedOutIsNotCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, "in", "out")
		p := f.producer("id")
		p.mustProduce(t, "out", "before the pause")
		if err := p.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		p.mustProduce(t, "out", "after the pause")
		err := p.Flush(context.Background())
		if err == nil {
			err = p.Commit(context.Background(), nobody, f.offset(9, "late"))
		}
		if err == nil {
			t.Fatal("a transaction that timed out was committed")
		}
		if Permanent(err) {
			t.Errorf("%v is taken for the record's fault", err)
		}
		if err := p.Renew(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := f.committed("out"); len(got) != 0 || f.offsetOf() != "none" {
			t.Errorf("committed %q, offset %q", got, f.offsetOf())
		}
	})
}

// Without transactions records are there once they are acknowledged, and offsets follow.
func TestCommitWithoutTransactions(t *testing.T) {
	f := newFake(t, 1, "in", "out")
	p := f.producer("")
	p.mustProduce(t, "out", "a")
	if err := p.Flush(limited(t)); err != nil {
		t.Fatal(err)
	}
	fault := f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.CoordinatorLoadInProgress, Count: 3})
	if err := p.Commit(limited(t), nobody, f.offset(1, "m")); err != nil {
		t.Fatal(err)
	}
	if got := f.offsetOf(); got != "1 m" || fault.Hits() != 3 {
		t.Errorf("committed %q after %d faults", got, fault.Hits())
	}
	if diff := cmp.Diff([]string{"a"}, f.committed("out")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCommitOfSeveralPartitionsOfATopic(t *testing.T) {
	for _, id := range []string{"transactions", ""} {
		t.Run("id "+id, func(t *testing.T) {
			f := newFake(t, 3, "in", "other")
			info, err := f.admin().Topics(limited(t), []string{"in", "other"})
			if err != nil {
				t.Fatal(err)
			}
			want := map[record.Partition]CommittedOffset{}
			var offsets []Offset
			var of []record.Partition
			for i := range int32(3) {
				for _, topic := range []string{"in", "other"} {
					p := record.Partition{Topic: topic, ID: i}
					want[p] = CommittedOffset{int64(i), fmt.Sprint(topic, i)}
					offsets = append(offsets, Offset{Partition: p, TopicID: info[topic].ID, At: int64(i), Metadata: fmt.Sprint(topic, i)})
					of = append(of, p)
				}
			}
			if err := f.producer(id).Commit(limited(t), nobody, offsets); err != nil {
				t.Fatal(err)
			}
			got, err := f.admin().Committed(limited(t), "app", of)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
