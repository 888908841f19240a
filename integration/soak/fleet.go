package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// slot is an instance's place: its id, directory and log outlive its processes.
type slot struct {
	name    string
	dir     string
	log     string
	version int
	process *instance         // nil: it is not up
	busy    bool              // a fault is at it: no other may
	frail   string            // why its process may end by itself; empty: it may not
	mend    func(*slot) error // what an operator does before such a process is started again
	disk    bool              // its directory is a small disk
}

// fleet is all instances. It belongs to the soak's main goroutine.
type fleet struct {
	settings
	brokers []string // as the instances see them
	slots   []*slot

	kills, stops, starts, ends int
}

func newFleet(s settings, brokers []string) *fleet {
	f := &fleet{settings: s, brokers: brokers}
	for i := range s.instances {
		name := fmt.Sprintf("instance-%d", i)
		f.slots = append(f.slots, &slot{
			name: name, dir: filepath.Join(s.dir, "state", name), log: filepath.Join(s.dir, name+".log"), version: 1,
		})
	}
	return f
}

// memoryLimit is an instance's, in bytes: its caches are soon full.
const memoryLimit = 96 << 20

func (f *fleet) start(s *slot) error {
	f.starts++
	var err error
	s.process, err = startInstance(s.log, []string{
		"-brokers", strings.Join(f.brokers, ","), "-instance", s.name, "-state", s.dir, "-version", fmt.Sprint(s.version),
		"-commit", f.commit.String(), "-flush", f.flush.String(), "-session", f.session.String(),
		"-standbys", fmt.Sprint(f.standbys), "-loops", "2", "-memory", fmt.Sprint(memoryLimit),
	})
	return err
}

func (f *fleet) kill(s *slot) {
	s.process.kill()
	s.process = nil
	f.kills++
}

func (f *fleet) stop(s *slot) error {
	err := s.process.stop()
	s.process = nil
	f.stops++
	if _, ended := errors.AsType[*exec.ExitError](err); ended && s.frail != "" {
		f.ends++
		return s.mend(s) // what is wrong with its state or its disk it may find when it stops
	}
	if err != nil {
		return fmt.Errorf("%s did not stop in good order: %w\n%s", s.name, err, lastWords(s.log))
	}
	return nil
}

// stopAll stops all that are up.
func (f *fleet) stopAll() (err error) {
	for _, s := range f.slots {
		if s.process != nil {
			err = firstOf(err, f.stop(s))
		}
	}
	return err
}

// quitAll ends what is left, and each tells what it was at.
func (f *fleet) quitAll() {
	for _, s := range f.slots {
		if s.process != nil {
			s.process.quit()
			s.process = nil
		}
	}
}

// up are the instances that run and that no fault is at.
func (f *fleet) up() (up []*slot) {
	for _, s := range f.slots {
		if s.process != nil && !s.busy {
			up = append(up, s)
		}
	}
	return up
}

// revive starts what has ended by itself. That is an error where it was not to be expected.
func (f *fleet) revive() error {
	for _, s := range f.slots {
		if s.process == nil || !s.process.dead() {
			continue
		}
		err := s.process.err
		s.process = nil
		f.ends++
		if s.frail == "" {
			return fmt.Errorf("%s ended by itself: %w\n%s", s.name, err, lastWords(s.log))
		}
		if err := s.mend(s); err != nil {
			return err
		}
		if err := f.start(s); err != nil {
			return err
		}
	}
	return nil
}

// wipe deletes an instance's state, but not its directory, which may be a disk of its own.
func (s *slot) wipe() error {
	s.frail, s.mend = "", nil
	entries, err := os.ReadDir(s.dir)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
