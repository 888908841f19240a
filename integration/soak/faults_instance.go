package main

import (
	"fmt"
	"time"
)

var instanceFaults = []fault{
	{name: "kill", about: "kill -9 of an instance, which is started again at once", begin: kill},
	{name: "kill-away", about: "kill -9 of an instance, which stays away for longer than the session timeout", begin: killAway},
	{name: "kill-start", about: "kill -9 twice, each within 100 ms of the start before", begin: killStart},
	{name: "kill-all", about: "kill -9 of all instances at once", begin: killAll},
	{name: "freeze", about: "SIGSTOP for longer than session and transaction timeout, then SIGCONT", begin: freeze},
	{name: "freeze-short", about: "SIGSTOP for less than the session timeout, then SIGCONT", begin: freezeShort},
	{name: "stop", about: "an instance stops in good order and is started again", begin: stopAndStart},
	{name: "scale", about: "all instances but one stop, and some time later start again", begin: scale},
	{name: "roll", about: "one instance after the other is replaced by another version of the application", begin: roll},
}

func kill(s *soak) (outcome, error) {
	i := s.pick()
	if i == nil {
		return outcome{}, nil
	}
	s.fleet.kill(i)
	return outcome{did: i.name}, s.fleet.start(i)
}

func killAway(s *soak) (outcome, error) {
	i := s.pick()
	if i == nil || len(s.fleet.up()) < 2 {
		return outcome{}, nil
	}
	s.fleet.kill(i)
	return outcome{did: i.name, lasts: s.session + s.between(time.Second, 4*time.Second), end: func() error { return s.fleet.start(i) }}, nil
}

func killStart(s *soak) (outcome, error) {
	i := s.pick()
	if i == nil {
		return outcome{}, nil
	}
	i.busy = true
	s.fleet.kill(i)
	again := func() error {
		s.fleet.kill(i)
		return s.fleet.start(i)
	}
	s.after(s.between(time.Millisecond, 100*time.Millisecond), again)
	last := func() error {
		i.busy = false
		return again()
	}
	return outcome{did: i.name, lasts: s.between(110*time.Millisecond, 200*time.Millisecond), end: last}, s.fleet.start(i)
}

func killAll(s *soak) (outcome, error) {
	up := s.fleet.up()
	for _, i := range up {
		s.fleet.kill(i)
	}
	for _, i := range up {
		if err := s.fleet.start(i); err != nil {
			return outcome{}, err
		}
	}
	return outcome{did: fmt.Sprintf("%d instances", len(up))}, nil
}

// transactionTimeout is the application's, which it cannot choose.
const transactionTimeout = 10 * time.Second

func freeze(s *soak) (outcome, error) {
	return s.freezeFor(max(s.session, transactionTimeout) + s.between(time.Second, 4*time.Second))
}

func freezeShort(s *soak) (outcome, error) {
	return s.freezeFor(s.between(s.session/10, s.session*9/10))
}

func (s *soak) freezeFor(d time.Duration) (outcome, error) {
	i := s.pick()
	if i == nil || len(s.fleet.up()) < 2 {
		return outcome{}, nil
	}
	i.busy = true
	process := i.process
	process.pause()
	return outcome{did: fmt.Sprintf("%s for %v", i.name, d.Round(time.Millisecond)), lasts: d, end: func() error {
		process.resume()
		i.busy = false
		return nil
	}}, nil
}

func stopAndStart(s *soak) (outcome, error) {
	i := s.pick()
	if i == nil {
		return outcome{}, nil
	}
	if err := s.fleet.stop(i); err != nil {
		return outcome{}, err
	}
	return outcome{did: i.name}, s.fleet.start(i)
}

func scale(s *soak) (outcome, error) {
	up := s.fleet.up()
	if len(up) < 2 {
		return outcome{}, nil
	}
	s.rand.Shuffle(len(up), func(i, j int) { up[i], up[j] = up[j], up[i] })
	down := up[1:]
	for _, i := range down {
		if err := s.fleet.stop(i); err != nil {
			return outcome{}, err
		}
	}
	return outcome{did: fmt.Sprintf("%d instances away", len(down)), lasts: s.between(2*time.Second, 6*time.Second), end: func() error {
		for _, i := range down {
			if err := s.fleet.start(i); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

func roll(s *soak) (outcome, error) {
	up := s.fleet.up()
	if len(up) == 0 {
		return outcome{}, nil
	}
	version := 3 - up[0].version
	for _, i := range s.fleet.slots {
		if i.process == nil {
			i.version = version // when it comes back
		}
	}
	var at time.Duration
	for _, i := range up {
		i.busy = true
		s.after(at, func() error {
			if err := s.fleet.stop(i); err != nil {
				return err
			}
			i.version, i.busy = version, false
			return s.fleet.start(i)
		})
		at += s.between(time.Second, 2*time.Second)
	}
	return outcome{did: fmt.Sprintf("to version %d", version), lasts: at}, nil
}
