package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/integration/faultproxy"
	"github.com/pitwheel/pitwheel/integration/soak/account"
)

// soak is one run. All but its feed and its follower is in one goroutine.
type soak struct {
	settings
	cluster cluster
	kafka   *kafka
	fleet   *fleet
	account *account.Account
	feed    *feed
	follow  *follower
	proxy   *faultproxy.Proxy // nil: the instances reach the brokers themselves
	watch   *watcher
	rand    *rand.Rand
	faults  []fault

	began  time.Time
	turn   []fault // those of this turn that are left
	laters []later
	done   map[string]int
	past   []happened
	away   brokerWork
	calm   calm
	loaded time.Duration // how long the load with faults was
	sent   int64         // in it
}

// run makes a soak, and ends when all is checked, or with the first broken promise.
func run(ctx context.Context, set settings, faults []fault) (err error) {
	kept := set.dir != ""
	if !kept {
		if set.dir, err = os.MkdirTemp("", "pitwheel-soak-"); err != nil {
			return err
		}
	} else if err := os.MkdirAll(set.dir, 0o700); err != nil {
		return err
	}
	// The Kafka is a new one: what another run left belongs to another.
	if err := os.RemoveAll(filepath.Join(set.dir, "state")); err != nil {
		return err
	}
	s := &soak{
		settings: set, faults: faults, done: map[string]int{}, began: time.Now(),
		rand: rand.New(rand.NewPCG(set.seed, 2)), watch: newWatcher(set.session),
	}
	err = s.open(ctx)
	if err == nil {
		err = firstOf(s.work(ctx), s.wait())
	}
	s.report(err)
	s.close()
	if err == nil && !kept {
		err = os.RemoveAll(set.dir)
	}
	return err
}

func (s *soak) open(ctx context.Context) (err error) {
	if s.cluster, err = openCluster(ctx, s.settings); err != nil {
		return err
	}
	if s.kafka, err = openKafka(s.cluster.addresses()); err != nil {
		return err
	}
	if err := s.kafka.createTopics(ctx, s.partitions); err != nil {
		return err
	}
	// Event time is near the brokers' clocks, which keep records by it, and refuse what is far ahead.
	begin := s.began.Add(-time.Hour).Truncate(time.Minute).UnixMilli()
	e := account.NewEvents(s.seed, s.keys, int32(s.partitions), begin, eventsPerMilli)
	s.account = account.New(e, int32(s.partitions))
	s.feed = &feed{kafka: s.kafka, events: e, account: s.account, ahead: s.ahead}
	if err := s.openFleet(); err != nil {
		return err
	}
	s.follow, err = follow(context.WithoutCancel(ctx), s.cluster.addresses(), s.account)
	return err
}

// openFleet makes the instances' places. They reach the brokers through a proxy where faults are to be
// on that way.
func (s *soak) openFleet() (err error) {
	addresses := s.cluster.addresses()
	if slices.ContainsFunc(s.faults, func(f fault) bool { return strings.HasPrefix(f.name, "net-") }) {
		if s.proxy, err = faultproxy.New(addresses); err != nil {
			return err
		}
		addresses = s.proxy.Addrs()
	}
	s.fleet = newFleet(s.settings, addresses)
	if slices.ContainsFunc(s.faults, func(f fault) bool { return f.name == diskFault }) {
		if err := s.fleet.mount(); err != nil {
			fmt.Printf("%s is left out: no small disk can be mounted here: %v\n", diskFault, err)
			s.faults = slices.DeleteFunc(s.faults, func(f fault) bool { return f.name == diskFault })
		}
	}
	return nil
}

// wait waits for brokers that are being brought back.
func (s *soak) wait() error {
	s.away.running.Wait()
	return s.away.err()
}

// eventsPerMilli is how many events there are in a millisecond of event time: a window holds 100,000.
const eventsPerMilli = 10

func (s *soak) close() {
	if s.fleet != nil {
		s.fleet.quitAll()
		s.fleet.unmount()
	}
	if s.follow != nil {
		s.follow.close()
	}
	if s.proxy != nil {
		if err := s.proxy.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "soak:", err)
		}
	}
	if s.kafka != nil {
		s.kafka.client.Close()
	}
	if s.cluster != nil {
		s.cluster.close()
	}
}

func (s *soak) work(ctx context.Context) error {
	for _, i := range s.fleet.slots {
		if err := s.fleet.start(i); err != nil {
			return err
		}
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	if err := s.rest(ctx); err != nil {
		return err
	}
	return s.checkAll(ctx)
}

// load has events flow under faults.
func (s *soak) load(ctx context.Context) error {
	began := time.Now()
	s.feed.start(ctx)
	next := began.Add(s.every)
	seen, moved := int64(0), began
	err := s.tend(ctx, func(now time.Time) (over bool, err error) {
		if s.over(now.Sub(began)) {
			return true, nil
		}
		if n := s.account.Counts().Outputs(); n != seen {
			seen, moved = n, now
		}
		if now.After(next) && len(s.faults) > 0 && now.Sub(moved) < breath {
			next = now.Add(s.every/2 + time.Duration(s.rand.Int64N(int64(s.every))))
			return false, s.harm()
		}
		return false, nil
	})
	s.loaded, s.sent = time.Since(began), s.account.Counts().Events
	return firstOf(err, s.feed.stop(ctx))
}

// breath is how long nothing may come before no fault is added: a group that is disturbed again and again
// while it rebalances never gets anywhere, and what is promised is that it goes on once it is left alone.
const breath = 4 * time.Second

// over is whether the load has been enough.
func (s *soak) over(since time.Duration) bool {
	if s.length > 0 && since >= s.length {
		return true
	}
	enough := s.records > 0 || s.kills > 0
	return enough && s.account.Counts().Events >= s.records && s.fleet.kills >= s.kills
}

const (
	tick     = 10 * time.Millisecond
	lookTick = time.Second
)

// tend keeps everything going, and ends when step says so, or with the first broken promise.
func (s *soak) tend(ctx context.Context, step func(now time.Time) (over bool, err error)) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var looked time.Time
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now = <-ticker.C:
		}
		if s.away.busy() {
			s.watch.until(now)
		}
		if err := errors.Join(s.due(now), s.fleet.revive(), s.feed.err(), s.away.err()); err != nil {
			return err
		}
		if n := s.account.Counts().Bad(); n > 0 {
			return fmt.Errorf("%w: %d of them", errBroken, n)
		}
		if now.Sub(looked) > lookTick {
			looked = now
			if err := s.look(ctx, now); err != nil {
				return err
			}
		}
		if over, err := step(now); over || err != nil {
			return err
		}
	}
}

// look asks how far the application has committed. Brokers that do not answer now are asked again.
func (s *soak) look(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	lags, err := s.kafka.lags(ctx)
	if err != nil {
		return nil
	}
	return s.watch.look(now, lags)
}

// settle ends the faults, closes the windows, and waits until all has come.
func (s *soak) settle(ctx context.Context) error {
	if err := s.tend(ctx, func(time.Time) (bool, error) { return len(s.laters) == 0 && !s.away.busy(), nil }); err != nil {
		return err
	}
	if err := s.feed.closeWindows(ctx, int32(s.partitions)); err != nil {
		return err
	}
	return s.await(ctx)
}

// await waits until all results that must come have come.
func (s *soak) await(ctx context.Context) error {
	seen, moved := s.account.Counts().Outputs(), time.Now()
	var asked time.Time
	return s.tend(ctx, func(now time.Time) (bool, error) {
		if n := s.account.Counts().Outputs(); n != seen {
			seen, moved = n, now
		}
		if now.Sub(asked) > lookTick/4 {
			asked = now
			if missing := s.account.Missing(); missing == (account.Counts{}) {
				return true, nil
			}
		}
		if now.Sub(moved) > s.watch.limit {
			s.account.Lose()
			return false, fmt.Errorf("%w: nothing has come for %v", errBroken, s.watch.limit)
		}
		return false, nil
	})
}
