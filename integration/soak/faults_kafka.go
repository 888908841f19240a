package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

var kafkaFaults = []fault{
	{name: "leaders", on: "kfake", about: "all partitions get another leader", begin: leaders},
	{name: "coordinators", on: "kfake", about: "all groups and transactional ids get another coordinator", begin: coordinators},
	{name: "broker-kill", on: "real", about: "kill -9 of a broker, which comes back some time later", begin: brokerKill},
	{name: "broker-pause", on: "real", about: "a broker stands still, keeps its connections, and goes on", begin: brokerPause},
	{name: "broker-restart", on: "real", about: "a broker stops in good order and starts: leaders and coordinators move twice", begin: brokerRestart},
}

func leaders(s *soak) (outcome, error) {
	f, ok := s.cluster.(fake)
	if !ok {
		return outcome{}, nil
	}
	f.ShufflePartitionLeaders()
	return outcome{did: "all partitions"}, nil
}

func coordinators(s *soak) (outcome, error) {
	f, ok := s.cluster.(fake)
	if !ok {
		return outcome{}, nil
	}
	f.RehashCoordinators()
	return outcome{did: "all of them"}, nil
}

// brokerWork is what is done to brokers beside the main goroutine, as they take their time: to one of
// them at a time, and only where all replicas are in sync, so that two of three are always there.
type brokerWork struct {
	running sync.WaitGroup
	working atomic.Bool
	failed  atomic.Pointer[error]
}

func (w *brokerWork) busy() bool { return w.working.Load() }

func (w *brokerWork) err() error {
	if err := w.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// brokerTimeout is how long a broker may take to come back.
const brokerTimeout = 3 * time.Minute

// do has something done to a broker, if none is away.
func (w *brokerWork) do(what string, f func(ctx context.Context) error) bool {
	if !w.working.CompareAndSwap(false, true) {
		return false
	}
	w.running.Go(func() {
		defer w.working.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), brokerTimeout)
		defer cancel()
		if err := f(ctx); err != nil {
			err = fmt.Errorf("%s: %w", what, err)
			w.failed.CompareAndSwap(nil, &err)
		}
	})
	return true
}

// sleep waits in a fault that is done beside the main goroutine.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// harmBroker has a broker harmed for a while and mended again.
func (s *soak) harmBroker(harm, mend func(ctx context.Context, c apache, i int) error, d time.Duration) (outcome, error) {
	c, ok := s.cluster.(apache)
	if !ok || s.away.busy() {
		return outcome{}, nil
	}
	i := s.rand.IntN(len(c.Addrs()))
	s.away.do(fmt.Sprintf("broker %d", i), func(ctx context.Context) error {
		err := harm(ctx, c, i)
		err = firstOf(err, sleep(ctx, d))
		err = firstOf(err, mend(ctx, c, i))
		return firstOf(err, c.AwaitInSync(ctx))
	})
	return outcome{did: fmt.Sprintf("broker %d for %v", i, d.Round(time.Millisecond))}, nil
}

func brokerKill(s *soak) (outcome, error) {
	return s.harmBroker(
		func(ctx context.Context, c apache, i int) error { return c.Kill(ctx, i) },
		func(ctx context.Context, c apache, i int) error { return c.Restart(ctx, i) }, s.between(100*time.Millisecond, 4*time.Second))
}

func brokerPause(s *soak) (outcome, error) {
	return s.harmBroker(
		func(ctx context.Context, c apache, i int) error { return c.Pause(ctx, i) },
		func(ctx context.Context, c apache, i int) error { return c.Unpause(ctx, i) }, s.between(time.Second, 15*time.Second))
}

func brokerRestart(s *soak) (outcome, error) {
	return s.harmBroker(
		func(context.Context, apache, int) error { return nil },
		func(ctx context.Context, c apache, i int) error { return c.Restart(ctx, i) }, time.Millisecond)
}
