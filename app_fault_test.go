package pitwheel_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/topology"
)

// TestMain is a worker process where the environment says so: what the crash test kills.
func TestMain(m *testing.M) {
	if brokers := os.Getenv(workerBrokers); brokers != "" {
		os.Exit(worker(strings.Split(brokers, ","), os.Getenv(workerState)))
	}
	goleak.VerifyTestMain(m)
}

const (
	workerBrokers = "PITWHEEL_TEST_BROKERS"
	workerState   = "PITWHEEL_TEST_STATE"

	workerInstance = "PITWHEEL_TEST_INSTANCE"
	workerStandbys = "PITWHEEL_TEST_STANDBYS"
	workerPlan     = "PITWHEEL_TEST_PLAN" // one of workerPlans
)

var workerPlans = map[string]func() (*topology.Plan, error){"words": wordCountPlan, "chaos": chaosPlan}

func worker(brokers []string, state string) int {
	standbys, _ := strconv.Atoi(os.Getenv(workerStandbys))
	c := pitwheel.Config{
		ApplicationID: "app", Brokers: brokers, StateDir: state, Loops: 2,
		CommitInterval: 20 * time.Millisecond, FlushInterval: 150 * time.Millisecond,
		InstanceID: os.Getenv(workerInstance), Standbys: standbys, SessionTimeout: 6 * time.Second,
	}
	plan, err := workerPlans[cmp.Or(os.Getenv(workerPlan), "words")]()
	if os.Getenv(workerLetters) != "" {
		plan, err = lettersPlan(&c)
	}
	if err == nil {
		var app *pitwheel.App
		app, err = pitwheel.New(plan, c)
		if err == nil {
			err = app.Run(context.Background())
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// checkSequences reads what a count put out, as a read_committed consumer, and checks that every
// key's values are 1, 2, 3 ... up to want, in this order: nothing lost, nothing doubled.
func (b *broker) checkSequences(topic string, want map[string]int64) {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	missing, wrong := int64(0), 0
	for _, n := range want {
		missing += n
	}
	got := map[string]int64{}
	for missing > 0 && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			key, n := string(r.Key), int64(binary.BigEndian.Uint64(r.Value))
			if n != got[key]+1 {
				wrong++
				if wrong < 10 {
					b.t.Errorf("key %q: %d follows %d (partition %d offset %d)", key, n, got[key], r.Partition, r.Offset)
				}
			}
			got[key] = n
			missing--
		})
	}
	if missing != 0 {
		b.t.Errorf("%d outputs are missing", missing)
	}
	for key, n := range want {
		if got[key] != n {
			b.t.Errorf("key %q ends at %d, want %d", key, got[key], n)
		}
	}
}

// TestFaultsLeaveNoTrace has brokers fail requests in the middle of the work. Whatever they did with
// the request, results must be as if nothing had happened.
func TestFaultsLeaveNoTrace(t *testing.T) {
	tests := []struct {
		name    string
		fault   kfake.Fault
		atStart bool // the request is made at start alone
	}{
		{"EndTxn times out and nothing is done", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.RequestTimedOut, Count: 3}, false},
		{"EndTxn fails and nothing is done", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError, Count: 3}, false},
		{"EndTxn says fenced", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.ProducerFenced, Count: 2}, false},
		{"the offsets' generation is old", kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration, Count: 2}, false},
		{"the member is unknown to the offset commit", kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.UnknownMemberID, Count: 2}, false},
		{"the transaction must be aborted", kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.TransactionAbortable, Count: 1}, false},
		{"the partition's leader has moved", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotLeaderForPartition, Count: 5}, false},
		{"a record was appended and called not replicated", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend, Count: 5}, false},
		{"the producer's epoch is old", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.InvalidProducerEpoch, Count: 2}, false},
		{"the coordinator is loading", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn, kmsg.TxnOffsetCommit}, Err: kerr.CoordinatorLoadInProgress, Count: 4}, false},
		{"the producer's sequence is out of order", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "counts", Err: kerr.OutOfOrderSequenceNumber, Count: 2}, false},
		{"the producer is forgotten", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "counts", Err: kerr.UnknownProducerID, Count: 2}, false},
		{"the producer is fenced", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "counts", Err: kerr.ProducerFenced, Count: 2}, false},
		{"the transaction timed out before a record", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "counts", Err: kerr.InvalidTxnState, Count: 2}, false},
		{"the transactional id has expired", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn, kmsg.TxnOffsetCommit, kmsg.Produce}, Err: kerr.InvalidProducerIDMapping, Count: 3}, false},
		{"the transaction timed out before its offsets", kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.InvalidProducerEpoch, Count: 2}, false},
		{"the transaction timed out before its end", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.InvalidTxnState, Count: 2}, false},
		{"the member's epoch is old", kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.StaleMemberEpoch, Count: 2}, false},
		{"the coordinators have moved", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn, kmsg.TxnOffsetCommit}, Err: kerr.NotCoordinator, Count: 4}, false},
		{"the coordinators are away", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn, kmsg.TxnOffsetCommit}, Err: kerr.CoordinatorNotAvailable, Count: 4}, false},
		{"the last transaction is still being ended", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn, kmsg.TxnOffsetCommit}, Err: kerr.ConcurrentTransactions, Count: 4}, false},
		{"the end must be an abort", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.TransactionAbortable, Count: 1}, false},
		{"the producer id is still being decided", kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.ConcurrentTransactions, Count: 4}, true},
		{"the producer id's coordinator is away", kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.CoordinatorNotAvailable, Count: 4}, true},
		{"offsets are unstable", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit, Count: 4}, true},
		{"fetching fails", kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition, Count: 6}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBroker(t, 3, "words", "counts")
			word := func(i int) (string, string) { return fmt.Sprint(i), fmt.Sprintf("w%d", i%7) }
			want := map[string]int64{}
			for i := range 2100 {
				_, w := word(i)
				want[w]++
			}
			b.produce("words", 700, word)
			var fault *kfake.FaultHandle
			if tt.atStart {
				fault = b.Fault(tt.fault)
			}
			_, stop := start(t, wordCounts(t), b.config(t))
			b.awaitRecords("counts", 1)
			if !tt.atStart {
				fault = b.Fault(tt.fault)
			}
			b.produce("words", 700, word)
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if err := fault.Wait(ctx, 1); err != nil {
				t.Fatalf("the fault was never met: %v", err)
			}
			b.produce("words", 700, word)
			b.checkSequences("counts", want)
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// awaitRecords waits until the topic holds so many records.
func (b *broker) awaitRecords(topic string, n int64) {
	b.t.Helper()
	await(b.t, fmt.Sprintf("%d records in topic %q", n, topic), func() bool { return b.records(topic) >= n })
}

// TestRecordTooLargeFailsTheApp has brokers refuse a record for good.
func TestRecordTooLargeFailsTheApp(t *testing.T) {
	b := newBroker(t, 1, "words", "counts")
	b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "counts", Err: kerr.MessageTooLarge, Count: -1})
	b.produce("words", 10, func(i int) (string, string) { return "k", "w" })
	app, err := pitwheel.New(wordCounts(t), b.config(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err = app.Run(ctx)
	if err == nil || !strings.Contains(err.Error(), `topic "counts"`) || !strings.Contains(err.Error(), "MESSAGE_TOO_LARGE") {
		t.Errorf("got %v, want an error that names the topic and the cause", err)
	}
}

// TestKilledWorkersLeaveNoTrace kills a worker process again and again while records flow, and
// checks every output: kill -9 may lose nothing and double nothing.
func TestKilledWorkersLeaveNoTrace(t *testing.T) {
	const kills = 8
	b := newBroker(t, 4, "words", "counts")
	state := filepath.Join(t.TempDir(), "state")
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func() *exec.Cmd {
		cmd := exec.Command(executable)
		cmd.Env = append(os.Environ(), workerBrokers+"="+strings.Join(b.ListenAddrs(), ","), workerState+"="+state)
		cmd.Stderr = testWriter{t}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	want := map[string]int64{}
	sent := 0
	send := func() {
		from := sent
		b.produce("words", 300, func(i int) (string, string) { return fmt.Sprint(from + i), fmt.Sprintf("w%d", (from+i)%97) })
		for range 300 {
			want[fmt.Sprintf("w%d", sent%97)]++
			sent++
		}
	}
	for kill := range kills {
		worker := run()
		ended := make(chan struct{})
		go func() {
			_ = worker.Wait()
			close(ended)
		}()
		// Kill once it has put out something in this life, in the middle of more.
		before := b.records("counts")
		send()
		b.awaitRecords("counts", before+1)
		for range 10 {
			send()
		}
		for range kill {
			send()
		}
		_ = worker.Process.Kill()
		<-ended
	}
	last := run()
	b.checkSequences("counts", want)
	_ = last.Process.Kill()
	_ = last.Wait()
	t.Logf("%d records, %d kills", sent, kills)
}

func (b *broker) records(topic string) int64 {
	sum := int64(0)
	for _, p := range b.PartitionInfos(topic) {
		sum += p.HighWatermark
	}
	return sum
}
