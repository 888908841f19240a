package crashpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
)

// stage is a cluster and what plays on it: input whose results are known, and instances.
type stage struct {
	t         *testing.T
	cluster   *kfake.Cluster
	network   kfake.VirtualNetwork
	client    *kgo.Client
	log       *journal
	rand      *rand.Rand
	guarantee pitwheel.Guarantee
	unsynced  int  // percent of what was not synced that a crash leaves
	zombies   bool // without transactions, an instance may write to changelogs after it has lost its tasks
	lives     []*life

	commitEvery time.Duration

	sent   int64
	chains map[string][]int64 // by key of the repartition topic
	counts map[string]int64   // by key and minute
}

// rebalanceMillis is how long the group waits for members to join again.
const rebalanceMillis = 3000

func newStage(t *testing.T, guarantee pitwheel.Guarantee) *stage {
	s := &stage{
		t: t, guarantee: guarantee, commitEvery: 100 * time.Millisecond, log: &journal{}, rand: rand.New(rand.NewPCG(1, 2)),
		chains: map[string][]int64{}, counts: map[string]int64{},
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(s.network.Listen),
		kfake.SeedTopics(partitions, numbers.Name(), chains.Name(), minutes.Name()))
	if err != nil {
		t.Fatal(err)
	}
	s.cluster = cluster
	// The embedded broker drops a member, and its request, whose session times out while it waits for
	// the others to join; so it must not wait for a dead one for that long.
	cluster.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		r.(*kmsg.JoinGroupRequest).RebalanceTimeoutMillis = rebalanceMillis
		return nil, nil, false
	})
	if s.client, err = kgo.NewClient(s.options(kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))...); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) options(more ...kgo.Opt) []kgo.Opt {
	return append([]kgo.Opt{kgo.SeedBrokers(s.cluster.ListenAddrs()...), kgo.Dialer(s.network.DialContext)}, more...)
}

// close ends all that is left. Every life has ended by then, or is dying.
func (s *stage) close() {
	for _, l := range s.lives {
		l.cancel()
		<-l.ended
	}
	s.client.Close()
	s.cluster.Close()
	if s.t.Failed() {
		s.t.Log(s.log.last(60))
	}
}

const keys = 11

// send writes so many numbers.
func (s *stage) send(n int) {
	s.t.Helper()
	records := make([]*kgo.Record, n)
	for i := range n {
		number := s.sent
		s.sent++
		key, at := fmt.Sprintf("k%d", number%keys), number*1000
		records[i] = &kgo.Record{
			Topic: numbers.Name(), Key: []byte(key), Value: binary.BigEndian.AppendUint64(nil, uint64(number)), Timestamp: time.UnixMilli(at),
		}
		s.chains["moved-"+key] = append(s.chains["moved-"+key], number)
		s.counts[fmt.Sprintf("%s@%d", key, at/time.Minute.Milliseconds())]++
	}
	if err := s.client.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

// patience bounds each wait: in it an instance joins, restores, waits for the timeouts of a request, a
// transaction and a session, and processes what is there.
const patience = 10 * time.Minute

// await waits for the condition, and says whether it came.
func (s *stage) await(what string, condition func() bool) bool {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); !condition(); <-tick.C {
		if time.Since(begin) > patience {
			s.t.Errorf("waited too long for %s", what)
			return false
		}
	}
	return true
}

// pass lets so much of the bubble's time go by.
func pass(d time.Duration) { <-time.NewTimer(d).C }

// settled says whether all that was sent is processed and committed.
func (s *stage) settled() bool {
	group := s.cluster.GroupInfo("app")
	if group == nil {
		return false
	}
	for _, topic := range []string{numbers.Name(), repartition} {
		infos := s.cluster.PartitionInfos(topic)
		if len(infos) == 0 {
			return false
		}
		for _, p := range infos {
			if group.Commits[topic][p.Partition].Offset < p.HighWatermark {
				return false
			}
		}
	}
	return true
}

// awaitSettled waits until all that was sent is processed and committed.
func (s *stage) awaitSettled() bool {
	s.t.Helper()
	return s.await("all numbers to be processed and committed", s.settled)
}

// kick has the group throw an instance out.
func (s *stage) kick(of *instance) {
	s.t.Helper()
	group := s.cluster.GroupInfo("app")
	for _, m := range group.Members {
		if m.InstanceID == nil || *m.InstanceID != of.id {
			continue
		}
		req := kmsg.NewPtrLeaveGroupRequest()
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID, member.InstanceID = m.MemberID, m.InstanceID
		req.Group, req.Members = "app", append(req.Members, member)
		if _, err := req.RequestWith(context.Background(), s.client); err != nil {
			s.t.Fatal(err)
		}
	}
}

// openTransactions are the ids of the application's transactions that are not decided.
func (s *stage) openTransactions() []string {
	all, err := kadm.NewClient(s.client).ListTransactions(context.Background(), nil, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	var open []string
	for _, x := range all.Sorted() {
		if x.State != "Empty" && x.State != "CompleteCommit" && x.State != "CompleteAbort" {
			open = append(open, fmt.Sprintf("%s (%s)", x.TxnID, x.State))
		}
	}
	return open
}

// linesMax is far more than a cell logs.
const linesMax = 20000

// journal keeps the log of a cell, which is shown if it fails.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) of(id string) *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelInfo})).With("instance", id)
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.lines) > linesMax {
		panic("something goes round without a pause; the log began with:\n" + strings.Join(j.lines[:400], "\n"))
	}
	j.lines = append(j.lines, string(bytes.TrimSuffix(line, []byte("\n"))))
	return len(line), nil
}

func (j *journal) last(n int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b bytes.Buffer
	for _, line := range slices.Concat(j.lines[max(0, len(j.lines)-n):]) {
		fmt.Fprintln(&b, line)
	}
	return b.String()
}
