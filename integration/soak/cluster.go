package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	kafkas "github.com/pitwheel/pitwheel/integration/cluster"
)

// cluster is the Kafka that the soak runs on.
type cluster interface {
	addresses() []string
	close()
}

// fake is an embedded Kafka: three brokers in this process, which instances reach over TCP.
type fake struct{ *kfake.Cluster }

func (f fake) addresses() []string { return f.ListenAddrs() }
func (f fake) close()              { f.Close() }

// apache is three brokers of an Apache Kafka, in containers.
type apache struct{ *kafkas.Cluster }

func (r apache) addresses() []string { return r.Addrs() }

func (r apache) close() {
	if err := r.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "soak: end the brokers:", err)
	}
}

// given is a Kafka that somebody else runs.
type given []string

func (g given) addresses() []string { return g }
func (given) close()                {}

// clusterTimeout is how long three brokers may take to start, on a machine that has other work too.
const clusterTimeout = 8 * time.Minute

func openCluster(ctx context.Context, s settings) (cluster, error) {
	switch {
	case s.brokers != "":
		return given(strings.Split(s.brokers, ",")), nil
	case s.kafka == "real":
		ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
		defer cancel()
		c, err := kafkas.Start(ctx, kafkas.Config{Brokers: 3})
		if err != nil {
			return nil, err
		}
		return apache{c}, nil
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.WithLogger(kfake.BasicLogger(os.Stderr, kfake.LogLevelError)))
	if err != nil {
		return nil, fmt.Errorf("start the embedded Kafka: %w", err)
	}
	boundRebalances(c)
	return fake{c}, nil
}

// boundRebalances shortens members' rebalance timeouts. A member that is killed while it waits for its
// assignment, and comes back, is taken off kfake's count of those that join although it is not in it
// (groups.go:removeMember), and then the group waits for nobody until that timeout. Kafka does not.
func boundRebalances(c *kfake.Cluster) {
	c.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if r, ok := r.(*kmsg.JoinGroupRequest); ok {
			r.RebalanceTimeoutMillis = min(r.RebalanceTimeoutMillis, 12_000)
		}
		return nil, nil, false
	})
}
