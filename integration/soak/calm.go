package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// calm is what the load without faults has shown: what instances held before it and after it.
type calm struct {
	before, after map[string]measured
}

// calmRounds is how many loads without faults there are at most: what instances keep grows until
// their caches are full.
const calmRounds = 5

// rest replaces all instances, and has a load flow again and again without faults: what each leaves
// behind, beyond the one before, leaks.
func (s *soak) rest(ctx context.Context) (err error) {
	if s.settings.calm == 0 {
		return nil
	}
	if err := s.fleet.stopAll(); err != nil {
		return err
	}
	for _, i := range s.fleet.slots {
		if err := s.fleet.start(i); err != nil {
			return err
		}
	}
	if err := s.calmLoad(ctx); err != nil {
		return err
	}
	if s.calm.after, err = s.measure(ctx); err != nil {
		return err
	}
	for range calmRounds {
		s.calm.before = s.calm.after
		if err := s.calmLoad(ctx); err != nil {
			return err
		}
		if err = s.tendLeaks(ctx); err == nil || !errors.Is(err, errLeak) {
			return err
		}
	}
	return err
}

// errLeak is that an instance holds more than before.
var errLeak = errors.New("it leaks")

func (s *soak) calmLoad(ctx context.Context) error {
	s.feed.start(ctx)
	began := time.Now()
	err := s.tend(ctx, func(now time.Time) (bool, error) { return now.Sub(began) > s.settings.calm, nil })
	if err := firstOf(err, s.feed.stop(ctx)); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.whole(ctx)
}

// wholeWithin is how long instances may take to have all tasks, each once: one that the group has
// forgotten while it joined finds out when its join times out.
const wholeWithin = 100 * time.Second

// whole waits until all instances together have all tasks, each once.
func (s *soak) whole(ctx context.Context) error {
	began := time.Now()
	var asked time.Time
	return s.tend(ctx, func(now time.Time) (bool, error) {
		if now.Sub(asked) < lookTick {
			return false, nil
		}
		asked = now
		all, err := s.measure(ctx)
		if err != nil {
			return false, err
		}
		tasks := 0
		for _, m := range all {
			tasks += m.Tasks
		}
		switch want := len(inputs()) * s.partitions; {
		case tasks == want && len(all) == len(s.fleet.slots):
			return true, nil
		case time.Since(began) > wholeWithin:
			return false, fmt.Errorf("%w: %d instances have %d tasks together, of %d, for %v", errBroken, len(all), tasks, want, wholeWithin)
		}
		return false, nil
	})
}

// leakWithin is how long instances may take to let go of what the load needed: idle connections are
// closed after a while.
const leakWithin = 60 * time.Second

// tendLeaks waits until instances hold no more than before.
func (s *soak) tendLeaks(ctx context.Context) error {
	began := time.Now()
	for {
		var err error
		if s.calm.after, err = s.measure(ctx); err != nil {
			return err
		}
		goroutines, memory := s.leak()
		if goroutines == nil || time.Since(began) > leakWithin {
			return firstOf(goroutines, memory)
		}
		until := time.Now().Add(2 * time.Second)
		if err := s.tend(ctx, func(now time.Time) (bool, error) { return now.After(until), nil }); err != nil {
			return err
		}
	}
}

// rssSlack is in bytes: what the runtime keeps differs from one collection to the next.
const rssSlack = 4 << 20

// leak is which instance has more goroutines, and which more memory, than before. Those whose tasks
// have changed are not compared.
func (s *soak) leak() (goroutines, memory error) {
	for name, before := range s.calm.before {
		after, ok := s.calm.after[name]
		if !ok || before.Tasks != after.Tasks {
			continue
		}
		if after.Goroutines > before.Goroutines {
			goroutines = fmt.Errorf("%w: %s has %d goroutines, and %d after more load", errLeak, name, before.Goroutines, after.Goroutines)
		}
		if after.RSS > before.RSS+before.RSS/10+rssSlack {
			memory = fmt.Errorf("%w: %s has %d MB resident, and %d after more load", errLeak, name, before.RSS>>20, after.RSS>>20)
		}
	}
	return goroutines, memory
}

func (s *soak) measure(ctx context.Context) (map[string]measured, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	all := map[string]measured{}
	for _, i := range s.fleet.up() {
		w, err := i.process.ask(ctx, measureCommand)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", i.name, err)
		}
		if w.Measured != nil {
			all[i.name] = *w.Measured
		}
	}
	return all, nil
}
