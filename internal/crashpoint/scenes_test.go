package crashpoint

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/internal/reactor"
	"github.com/pitwheel/pitwheel/record"
)

// watched is the task whose restore is looked at: it has the chains.
var watched = record.TaskID{Subtopology: 1, Partition: 1}

// scene is how an instance comes to a step.
type scene struct {
	name  string
	steps []reactor.Step
	play  func(s *stage, t *trap) (victim *life, all []*instance)
	away  bool // what dies stays away, and others take over
}

// takes says whether tasks move to an instance that has a warm copy of them.
func (s *scene) takes() bool { return strings.HasPrefix(s.name, "takes") }

var (
	startSteps   = []reactor.Step{reactor.StartDirectory, reactor.StartLoops, reactor.StartTopics, reactor.StartFence, reactor.StartScan, reactor.StartJoin}
	restoreSteps = []reactor.Step{
		reactor.RestoreOpen, reactor.RestoreFence, reactor.RestoreOffsets, reactor.RestoreIdentify, reactor.RestoreEnds,
		reactor.RestoreCheck, reactor.RestoreReplay, reactor.RestoreSettle, reactor.RestoreStart,
	}
	commitSteps = []reactor.Step{
		reactor.CommitMember, reactor.CommitFreeze, reactor.CommitProduce, reactor.CommitFlush, reactor.CommitEnd, reactor.CommitApply, reactor.CommitDisk,
	}
	recoverSteps = []reactor.Step{reactor.RecoverRenew, reactor.RecoverAsk, reactor.RecoverSettle}
	giveSteps    = []reactor.Step{reactor.GiveStop, reactor.GiveCommit, reactor.GiveClose, reactor.GiveJoin}
	takeSteps    = []reactor.Step{reactor.TakeGiven, reactor.TakeRun}
)

var scenes = []scene{
	{name: "first start", steps: startSteps, play: playFirst},
	{name: "restart", steps: append(append(startSteps[:len(startSteps):len(startSteps)], restoreSteps...), append(commitSteps, takeSteps...)...), play: playRestart},
	{name: "not confirmed, done", steps: recoverSteps, play: playUnconfirmed(cut)},
	{name: "not confirmed, not done", steps: recoverSteps, play: playUnconfirmed(refused)},
	{name: "taken over", steps: append(restoreSteps[:len(restoreSteps):len(restoreSteps)], takeSteps...), play: playTakeOver},
	{name: "gives", steps: append(giveSteps[:len(giveSteps):len(giveSteps)], commitSteps[:6]...), play: playGiver},
	{name: "gives and stays away", steps: append(giveSteps[:len(giveSteps):len(giveSteps)], commitSteps[:6]...), play: playGiver, away: true},
	{name: "takes", steps: append(restoreSteps[:len(restoreSteps):len(restoreSteps)], takeSteps...), play: playTaker},
	{name: "takes and stays away", steps: append(restoreSteps[:len(restoreSteps):len(restoreSteps)], takeSteps...), play: playTaker, away: true},
	{name: "is thrown out", steps: []reactor.Step{reactor.LoseDrop}, play: playLoser},
}

// first life: a start on an empty disk, without internal topics.
func playFirst(s *stage, t *trap) (*life, []*instance) {
	a := s.instance("a")
	s.send(30)
	return s.start(a, t), []*instance{a}
}

// playRestart is a start behind a crash: local state is on disk as of some commit, the changelogs have
// more, and there is more to process.
func playRestart(s *stage, t *trap) (*life, []*instance) {
	a := s.instance("a")
	s.pastLife(a)
	s.send(30)
	a.loops = 2
	if t.step == reactor.CommitDisk {
		t.ready = func(l *life) bool { return l.seen.Load() > 0 }
	}
	return s.start(a, t), []*instance{a}
}

// pastLife leaves behind an instance that was killed, some time after its state went to disk.
func (s *stage) pastLife(of *instance) {
	s.t.Helper()
	l := s.start(of)
	s.send(40)
	s.awaitSettled()
	pass(flushEvery * 3 / 2) // what follows is not on disk when it dies
	s.send(20)
	s.awaitSettled()
	l.kill()
}

// playUnconfirmed has the answer to the end of a commit lost, whether it was done or not.
func playUnconfirmed(how fate) func(s *stage, t *trap) (*life, []*instance) {
	return func(s *stage, t *trap) (*life, []*instance) {
		a := s.instance("a")
		key := kmsg.EndTxn
		if !s.exactly() {
			key = kmsg.OffsetCommit
		}
		s.pastLife(a)
		s.send(30)
		lost := &trap{
			step: reactor.CommitEnd, key: key, fault: fault{fate: how, times: 1 << 30},
			ready: func(l *life) bool { return l.seen.Load() > 0 },
		}
		return s.start(a, lost, t), []*instance{a}
	}
}

// playTakeOver kills an instance in the middle of a commit, whose transaction stays open, and has
// another take its tasks over.
func playTakeOver(s *stage, t *trap) (*life, []*instance) {
	a, b := s.instance("a"), s.instance("b")
	s.pastLife(a)
	s.send(30)
	dies := &trap{
		step: reactor.CommitEnd, fault: crashes[0],
		ready: func(l *life) bool { return l.seen.Load() > 0 },
	}
	l := s.start(a, dies)
	<-l.killed
	return s.start(b, t), []*instance{b}
}

// playGiver has an instance with all tasks give some to another.
func playGiver(s *stage, t *trap) (*life, []*instance) {
	a, b := s.instance("a"), s.instance("b")
	s.commitEvery = time.Second // so that there is something to be committed when tasks are given up
	victim := s.start(a, t)
	s.send(40)
	s.awaitSettled()
	s.start(b)
	s.sendUntil(t)
	return victim, []*instance{a, b}
}

// playTaker has an instance take tasks of another.
func playTaker(s *stage, t *trap) (*life, []*instance) {
	a, b := s.instance("a"), s.instance("b")
	s.start(a)
	s.send(40)
	s.awaitSettled()
	victim := s.start(b, t)
	s.sendUntil(t)
	return victim, []*instance{a, b}
}

// sendUntil keeps instances busy until the trap has sprung.
func (s *stage) sendUntil(t *trap) {
	for begin := time.Now(); t.met() == 0 && time.Since(begin) < 30*time.Second; {
		s.send(3)
		pass(100 * time.Millisecond)
	}
}

// playLoser has the group throw an instance out in the middle of its work.
func playLoser(s *stage, t *trap) (*life, []*instance) {
	a := s.instance("a")
	victim := s.start(a, t)
	s.send(40)
	s.awaitSettled()
	s.kick(a)
	s.send(30)
	return victim, []*instance{a}
}
