package kafka

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/record"
)

func TestOffsetsPartitionIsWhereKafkaPutsIt(t *testing.T) {
	// "group".hashCode() and its kin in Java.
	for group, want := range map[string]int32{"": 0, "a": 97, "group": 98629247, "page-views": 200812976, "ü": 252, "\U0001F600": 1772899} {
		if got := offsetsHash(group); got != want {
			t.Errorf("%q: got %d, want %d", group, got, want)
		}
	}
}

// half has a transaction with records in both partitions of topic "in", of which the second gets a marker as
// a coordinator writes it under KIP-890, by hand; and others of the same producer before it.
func (f *fake) half(t *testing.T, under int16, commit bool) *Holder {
	t.Helper()
	client := f.leaveOpen("app-0@dead", 1)
	if err := client.EndTransaction(limited(t), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []int32{0, 1, 0} {
		if err := client.ProduceSync(limited(t), &kgo.Record{Topic: "in", Partition: p, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	holders, err := f.admin().Holders(limited(t), []record.Partition{{Topic: "in"}})
	if err != nil || len(holders) != 1 {
		t.Fatalf("%+v, %v", holders, err)
	}
	h := &holders[0]
	marker := kadm.TxnMarkers{ProducerID: h.ProducerID, ProducerEpoch: h.Epoch + under, Commit: commit, Topics: kadm.TopicsSet{}}
	marker.Topics.Add("in", 1)
	if _, err := f.admin().admin.WriteTxnMarkers(limited(t), marker); err != nil {
		t.Fatal(err)
	}
	return h
}

// The marker of another partition says how a transaction was decided, if it is that transaction's for sure.
func TestMarkerElsewhereIsEvidence(t *testing.T) {
	tests := []struct {
		name   string
		under  int16 // the marker's epoch, beyond the transaction's
		commit bool
		want   Verdict
	}{
		{"committed", 1, true, Committed},
		{"aborted", 1, false, Aborted},
		{"committed, but the epoch may have had many transactions", 0, true, Undecided},
		{"aborted, but the epoch may have had many transactions", 0, false, Undecided},
		{"a later transaction was committed", 2, true, Undecided},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, 2, "in")
			h := f.half(t, tt.under, tt.commit)
			a := f.admin()
			got, at, err := a.FindMarker(limited(t), h, record.Partition{Topic: "in", ID: 1})
			if err != nil || got != tt.want || tt.want != Undecided && at != 3 {
				t.Errorf("got %v at %d, %v", got, at, err)
			}
			if got, _, err := a.FindMarker(limited(t), h, h.Partition); err != nil || got != Undecided {
				t.Errorf("where it hangs: got %v, %v", got, err)
			}
			if end, err := a.End(limited(t), h); err != nil || h.Start != 0 || end != 2 {
				t.Errorf("it goes from %d to %d, %v", h.Start, end, err)
			}
		})
	}
}

// A transaction is ended where it hangs, as it is said, and readers go on.
func TestMarkersEndWhatHangs(t *testing.T) {
	for _, commit := range []bool{true, false} {
		f := newFake(t, 2, "in")
		h := f.half(t, 1, commit)
		a := f.admin()
		if err := a.WriteMarkers(limited(t), []Holder{*h}, commit); err != nil {
			t.Fatal(err)
		}
		want := []string{}
		if commit {
			want = []string{"v", "v"}
		}
		if got := f.committed("in"); !slices.Equal(got, want) {
			t.Errorf("committed %v: readers see %q", commit, got)
		}
		ends, err := a.Ends(limited(t), []record.Partition{h.Partition})
		if err != nil {
			t.Fatal(err)
		}
		if stable, err := a.StableEnds(limited(t), []record.Partition{h.Partition}); err != nil || stable[h.Partition] != ends[h.Partition] {
			t.Errorf("stable end %v of %v, %v", stable, ends, err)
		}
	}
}

// Batches that were cut, or say nonsense, are not gone through.
func FuzzBatches(f *testing.F) {
	f.Add([]byte{}, int64(0))
	f.Add(make([]byte, 80), int64(3))
	f.Fuzz(func(t *testing.T, raw []byte, from int64) {
		n := 0
		next, more := eachBatch(raw, from, func(Batch) bool {
			n++
			return true
		})
		if !more || n == 0 && next != from || n > len(raw)/batchRecords {
			t.Errorf("%d batches, next %d, more %v", n, next, more)
		}
	})
}
