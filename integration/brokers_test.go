package integration_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/integration/kafkatest"
)

// awayFor is how long the only broker is away.
const awayFor = time.Minute

// TestOnlyBrokerIsAwayForAMinute kills the broker under a running application, starts another one
// meanwhile, and brings the broker back: both do all that is theirs.
func TestOnlyBrokerIsAwayForAMinute(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.Alone("away"), kafkatest.Patience(patience))
	runs, starts := newApplication(t, k), newApplication(t, k)
	running, waiting := newLoad(t, k, runs), newLoad(t, k, starts)
	waiting.send(2000)
	first := newPlace(t, k, runs).start(t)
	running.begin()
	running.progress(500)

	ctx, cancel := context.WithTimeout(t.Context(), patience+awayFor)
	defer cancel()
	if err := k.Cluster().Kill(ctx, 0); err != nil {
		t.Fatal(err)
	}
	back := time.NewTimer(awayFor)
	defer back.Stop()
	second := newPlace(t, k, starts).start(t)
	<-back.C
	if err := k.Cluster().Restart(ctx, 0); err != nil {
		t.Fatal(err)
	}
	running.progress(500)
	running.end()
	running.check()
	waiting.check()
	first.stop()
	second.stop()
}

// TestBrokersComeAndGo kills, pauses and restarts brokers of three under load: the leader of an output,
// the coordinator of the group, the one of a transaction, and then each of them in good order, as an
// upgrade does.
func TestBrokersComeAndGo(t *testing.T) {
	k := kafkatest.Run(t, kafkatest.Brokers(3), kafkatest.Alone("three"), kafkatest.Patience(patience))
	app := newApplication(t, k)
	l := newLoad(t, k, app)
	instances := []*instance{newPlace(t, k, app).start(t), newPlace(t, k, app).start(t)}
	l.begin()
	l.progress(500)
	f := faults{t: t, k: k, l: l}
	f.without("kill -9 of an output's leader", k.Cluster().Kill, k.Cluster().Restart, f.leader())
	f.without("kill -9 of the group's coordinator", k.Cluster().Kill, k.Cluster().Restart, f.groupCoordinator())
	f.without("pause of a transaction's coordinator", k.Cluster().Pause, k.Cluster().Unpause, f.transactionCoordinator())
	for broker := range 3 {
		f.without("rolling restart", k.Cluster().Stop, k.Cluster().Restart, broker)
	}
	l.end()
	l.check()
	for _, i := range instances {
		i.stop()
	}
}

// faults takes brokers away while results must go on.
type faults struct {
	t *testing.T
	k *kafkatest.Kafka
	l *load
}

// without takes a broker away, waits for results, brings it back and waits until it has all again.
func (f faults) without(what string, away, back func(context.Context, int) error, broker int) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 2*patience)
	defer cancel()
	began := time.Now()
	if err := away(ctx, broker); err != nil {
		f.t.Fatal(err)
	}
	f.l.progress(300)
	gone := time.Since(began)
	if err := back(ctx, broker); err != nil {
		f.t.Fatal(err)
	}
	if err := f.k.Cluster().AwaitInSync(ctx); err != nil {
		f.t.Fatal(err)
	}
	f.l.progress(300)
	f.t.Logf("%s, broker %d: results after %v without it, whole again after %v", what, broker,
		gone.Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond))
}

// index is the cluster's number of a broker, whose node ids begin at 1.
func index(node int32) int { return int(node) - 1 }

func (f faults) leader() int {
	f.t.Helper()
	topics, err := admin(f.t, f.k).ListTopics(f.t.Context(), f.l.app.Chains)
	if err != nil {
		f.t.Fatal(err)
	}
	return index(topics[f.l.app.Chains].Partitions[0].Leader)
}

func (f faults) groupCoordinator() int {
	f.t.Helper()
	found := admin(f.t, f.k).FindGroupCoordinators(f.t.Context(), f.l.app.ID)
	if err := found.Error(); err != nil {
		f.t.Fatal(err)
	}
	return index(found[f.l.app.ID].NodeID)
}

func (f faults) transactionCoordinator() int {
	f.t.Helper()
	found, err := admin(f.t, f.k).ListTransactions(f.t.Context(), nil, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, x := range found.Sorted() {
		if strings.HasPrefix(x.TxnID, f.l.app.ID) {
			return index(x.Coordinator)
		}
	}
	f.t.Fatalf("no transactional id of %s among %d", f.l.app.ID, len(found))
	return 0
}
