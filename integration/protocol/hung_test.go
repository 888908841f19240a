package protocol

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/changelog"
)

// A dead instance's transaction hangs in a changelog: its coordinator has aborted it everywhere else. It is
// reported, and by policy ended by an abort; its record counts nowhere.
func TestHungTransactionThatWasAborted(t *testing.T) {
	b := newBench(t)
	stop := b.start("one", nil)
	b.write(70)
	b.counted(70)
	stop()
	x := b.begun("dead", b.out)
	x.abort()
	x.late(b.changelog(), []byte("k0"), []byte("nothing that decodes"))

	stop = b.start("one", nil)
	b.write(70)
	b.says("a transaction hangs", "topic="+b.changelog(), "transactional_id="+x.id, "coordinator_has=CompleteAbort", "decided=aborted", b.out,
		"as does kafka-transactions.sh", "--start-offset")
	stop()
	b.start("one", func(c *pitwheel.Config) { c.HungTransactions = pitwheel.RepairHung })
	b.says("was ended as it had been decided")
	b.counted(140)
}

// Its offsets were committed, with the proof that names its last record: it was committed, and is ended so.
// The stock tool would have aborted it.
func TestHungTransactionThatWasCommitted(t *testing.T) {
	b := newBench(t)
	stop := b.start("one", nil)
	b.write(70)
	b.counted(70)
	stop()
	rows := b.connect(kgo.ConsumeTopics(b.changelog()))
	row := rows.PollRecords(b.minute(), 1000).Records()
	if len(row) == 0 {
		t.Fatal("there is nothing in the changelog")
	}
	last := row[len(row)-1]

	ends, err := b.admin.ListEndOffsets(b.minute(), b.changelog())
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup(b.changelog(), 0)
	x := b.begun("dead", b.in)
	x.abort()
	x.late(b.changelog(), last.Key, last.Value) // what stands there already: counts go on from it

	committed, err := b.admin.FetchOffsets(b.minute(), b.id)
	if err != nil {
		t.Fatal(err)
	}
	of, ok := committed.Lookup(b.in, 0)
	if !ok {
		t.Fatal(committed)
	}
	proof, err := changelog.DecodeMetadata(of.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	proof.Seq++
	proof.Positions["counts"] = end.Offset + 1
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: b.in, At: of.At, LeaderEpoch: -1, Metadata: proof.Encode()})
	if err := b.admin.CommitAllOffsets(b.minute(), b.id, offsets); err != nil {
		t.Fatal(err)
	}
	b.start("one", func(c *pitwheel.Config) { c.HungTransactions = pitwheel.RepairHung })
	b.write(70)
	b.says("a transaction hangs", "decided=committed", "up to this transaction's last record", "was ended as it had been decided")
	b.counted(140)
}
