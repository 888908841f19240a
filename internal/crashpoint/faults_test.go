package crashpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/internal/reactor"
	"github.com/pitwheel/pitwheel/internal/statedir"
)

// crashes are those of every step.
var crashes = []fault{
	{name: "crash before", before: true},
	{name: "crash behind", after: true},
}

// losses are those of every request.
var losses = []fault{
	{name: "crash before the request", fate: killsBefore},
	{name: "crash before the answer", fate: killsAfter},
	{name: "the connection is refused", fate: refused},
	{name: "the request is lost, no answer", fate: swallowed},
	{name: "the answer is lost, the connection cut", fate: cut},
	{name: "the answer is lost, no word", fate: silenced},
	{name: "no answer three times", fate: swallowed, times: 3},
}

// Answers of brokers that mean: not now.
var (
	coordinatorMoves = []*kerr.Error{kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable}
	leaderMoves      = []*kerr.Error{kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.UnknownServerError}
)

// answers are the classes of errors that brokers give to each request.
var answers = map[kmsg.Key][]*kerr.Error{
	kmsg.Metadata:         {kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.TopicAuthorizationFailed},
	kmsg.CreateTopics:     {kerr.NotController, kerr.RequestTimedOut, kerr.TopicAuthorizationFailed, kerr.InvalidReplicationFactor, kerr.PolicyViolation},
	kmsg.DescribeConfigs:  {kerr.RequestTimedOut, kerr.UnknownServerError, kerr.TopicAuthorizationFailed},
	kmsg.FindCoordinator:  {kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress},
	kmsg.InitProducerID:   append(coordinatorMoves, kerr.ConcurrentTransactions, kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.TransactionalIDAuthorizationFailed),
	kmsg.JoinGroup:        append(coordinatorMoves, kerr.RebalanceInProgress, kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.GroupAuthorizationFailed, kerr.InconsistentGroupProtocol),
	kmsg.SyncGroup:        append(coordinatorMoves, kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.FencedInstanceID),
	kmsg.ListOffsets:      append(leaderMoves, kerr.RequestTimedOut, kerr.TopicAuthorizationFailed),
	kmsg.DescribeGroups:   {kerr.NotCoordinator, kerr.CoordinatorLoadInProgress, kerr.GroupAuthorizationFailed},
	kmsg.ListTransactions: {kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable},
	kmsg.OffsetFetch:      append(coordinatorMoves, kerr.UnstableOffsetCommit, kerr.UnknownServerError, kerr.GroupAuthorizationFailed),
	kmsg.Fetch:            append(leaderMoves, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch, kerr.KafkaStorageError, kerr.TopicAuthorizationFailed),
	kmsg.Produce: append(leaderMoves, kerr.RequestTimedOut, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.KafkaStorageError,
		kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidTxnState,
		kerr.TransactionAbortable, kerr.TopicAuthorizationFailed, kerr.PolicyViolation),
	kmsg.TxnOffsetCommit: append(coordinatorMoves, kerr.RequestTimedOut, kerr.UnknownServerError, kerr.UnknownMemberID, kerr.IllegalGeneration,
		kerr.FencedInstanceID, kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.TransactionAbortable, kerr.GroupAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed),
	kmsg.EndTxn: append(coordinatorMoves, kerr.RequestTimedOut, kerr.UnknownServerError, kerr.ConcurrentTransactions, kerr.InvalidProducerEpoch,
		kerr.ProducerFenced, kerr.InvalidTxnState, kerr.InvalidProducerIDMapping, kerr.TransactionAbortable, kerr.TransactionalIDAuthorizationFailed),
	kmsg.OffsetCommit: append(coordinatorMoves, kerr.RequestTimedOut, kerr.UnknownServerError, kerr.RebalanceInProgress, kerr.UnknownMemberID,
		kerr.IllegalGeneration, kerr.FencedInstanceID, kerr.GroupAuthorizationFailed),
}

// answered are the faults by which a broker answers a request with an error. What may pass comes back five
// times.
func answered(key kmsg.Key) []fault {
	var all []fault
	for _, err := range answers[key] {
		f := fault{name: "answers " + err.Message, err: err}
		if err.Retriable {
			f.times = 5
		}
		all = append(all, f)
	}
	return all
}

// disks are the faults of steps that write or read local state.
var disks = []fault{
	{name: "the disk fails", disk: func(t *trap, _ *life, path string, _ bool) error {
		if !t.ofTask(path) {
			return nil
		}
		t.hits.Add(1)
		return errDisk
	}},
	{name: "the disk stalls", disk: func(t *trap, _ *life, path string, _ bool) error {
		if t.ofTask(path) && t.hits.Add(1) == 1 {
			pass(time.Minute)
		}
		return nil
	}},
	{name: "crash at its first write", dies: true, disk: dieAtWrite(1)},
	{name: "crash at its fourth write", dies: true, disk: dieAtWrite(4)},
}

// dieAtWrite has an instance die in the middle of a step.
func dieAtWrite(n int64) func(*trap, *life, string, bool) error {
	return func(t *trap, l *life, path string, write bool) error {
		if write && t.ofTask(path) && t.writes.Add(1) == n {
			t.hits.Add(1)
			l.kill()
		}
		return nil
	}
}

var errDisk = errors.New("input/output error")

// ofTask says whether the file is of the trap's task.
func (t *trap) ofTask(path string) bool {
	return t.task == nil || strings.Contains(path, fmt.Sprintf("/%s/", t.task))
}

// hindrances are what keeps steps from their files beside the stores.
var hindrances = map[reactor.Step]fault{
	reactor.StartDirectory: {name: "another process has the directory", hinder: func(l *life) func() {
		other, err := statedir.Open(l.of.dir, "app")
		if err != nil {
			l.stage.t.Error(err)
			return nil
		}
		return func() { _ = other.Close() }
	}},
	reactor.StartLoops: {name: "the file cannot be written", hinder: func(l *life) func() {
		return l.inTheWay("pitwheel.json.next")
	}},
	reactor.RestoreIdentify: {name: "the file cannot be read", hinder: func(l *life) func() {
		return l.inTheWay(filepath.Join(l.in.Task.String(), "task.json"))
	}},
}

// inTheWay puts a directory where a file is looked for.
func (l *life) inTheWay(name string) (end func()) {
	path := filepath.Join(l.of.dir, name)
	err := os.Rename(path, path+".aside")
	aside := err == nil
	if err := os.Mkdir(path, 0o700); err != nil {
		l.stage.t.Error(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			l.stage.t.Error(err)
		}
		if aside {
			if err := os.Rename(path+".aside", path); err != nil {
				l.stage.t.Error(err)
			}
		}
	}
}
