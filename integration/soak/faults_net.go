package main

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/integration/faultproxy"
)

var netFaults = []fault{
	{name: "net-delay", about: "every answer of the brokers comes late", begin: netDelay},
	{name: "net-reset", about: "all connections are reset", begin: netReset},
	{name: "net-lose", about: "requests of one kind are lost, or their answers", begin: netLose},
}

func netDelay(s *soak) (outcome, error) {
	d := s.between(5*time.Millisecond, 200*time.Millisecond)
	s.proxy.Delay(d)
	return outcome{did: d.Round(time.Millisecond).String(), lasts: s.between(time.Second, 4*time.Second), end: func() error {
		s.proxy.Heal()
		return nil
	}}, nil
}

func netReset(s *soak) (outcome, error) {
	return outcome{did: fmt.Sprintf("%d connections", s.proxy.Reset())}, nil
}

// lossy are the kinds of requests that a commit, a start or a rebalance makes.
var lossy = []kmsg.Key{
	kmsg.Produce, kmsg.Fetch, kmsg.ListOffsets, kmsg.Metadata, kmsg.OffsetFetch, kmsg.FindCoordinator, kmsg.JoinGroup, kmsg.Heartbeat,
	kmsg.LeaveGroup, kmsg.SyncGroup, kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.EndTxn, kmsg.TxnOffsetCommit,
	kmsg.EndTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn, // the ones that matter most
}

func netLose(s *soak) (outcome, error) {
	key, how, n := lossy[s.rand.IntN(len(lossy))], faultproxy.How(s.rand.IntN(3)), 1+s.rand.IntN(3)
	s.proxy.Lose(key, how, n)
	return outcome{did: fmt.Sprintf("%d of %s: %v", n, key.Name(), how), lasts: s.between(time.Second, 3*time.Second), end: func() error {
		s.proxy.Heal()
		return nil
	}}, nil
}
