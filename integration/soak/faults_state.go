package main

import (
	"time"
)

var stateFaults = []fault{
	{name: "wipe", about: "kill -9, and the instance's state directory is deleted", begin: wipe},
	{name: "kill-restore", about: "kill -9 and no state directory; killed again while it restores", begin: killRestore},
}

func wipe(s *soak) (outcome, error) {
	i := s.pick()
	if i == nil {
		return outcome{}, nil
	}
	s.fleet.kill(i)
	if err := i.wipe(); err != nil {
		return outcome{}, err
	}
	return outcome{did: i.name}, s.fleet.start(i)
}

func killRestore(s *soak) (outcome, error) {
	i := s.pick()
	if i == nil {
		return outcome{}, nil
	}
	s.fleet.kill(i)
	if err := i.wipe(); err != nil {
		return outcome{}, err
	}
	i.busy = true
	return outcome{did: i.name, lasts: s.between(200*time.Millisecond, 1500*time.Millisecond), end: func() error {
		i.busy = false
		s.fleet.kill(i)
		return s.fleet.start(i)
	}}, s.fleet.start(i)
}
