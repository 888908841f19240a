package crashpoint

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/internal/reactor"
)

// cell is a fault at a step of a scene.
type cell struct {
	guarantee pitwheel.Guarantee
	scene     *scene
	step      reactor.Step
	key       kmsg.Key // of the request; 0 with a step's own fault
	request   string
	fault     fault
	index     int
	cannot    string // why it cannot happen; empty: it can
}

func (c *cell) exactly() bool { return c.guarantee == pitwheel.ExactlyOnce }

func (c *cell) name() string {
	of := string(c.step)
	if c.request != "" {
		of += " " + c.request
	}
	guarantee := "exactly once"
	if c.guarantee == pitwheel.AtLeastOnce {
		guarantee = "at least once"
	}
	return strings.ReplaceAll(fmt.Sprintf("%s: %s: %s: %s", guarantee, c.scene.name, of, c.fault.name), "/", "-")
}

var keyNames = func() map[string]kmsg.Key {
	all := map[string]kmsg.Key{}
	for key := range kmsg.MaxKey + 1 {
		all[kmsg.NameForKey(int16(key))] = kmsg.Key(key)
	}
	all["InitProducerID"] = kmsg.InitProducerID
	return all
}()

// cells are all of them.
func cells(t *testing.T) (all []*cell) {
	for _, guarantee := range []pitwheel.Guarantee{pitwheel.ExactlyOnce, pitwheel.AtLeastOnce} {
		for i := range scenes {
			for _, info := range reactor.Steps {
				if !slices.Contains(scenes[i].steps, info.Step) || info.Only != "" && guarantee == pitwheel.AtLeastOnce {
					continue
				}
				for _, c := range cellsOf(t, info) {
					c.guarantee, c.scene = guarantee, &scenes[i]
					if c.scene.away && !c.fault.kills() {
						continue // that is the same as in the scene where nobody stays away
					}
					c.index, c.cannot = len(all), impossible(c)
					all = append(all, c)
				}
			}
		}
	}
	return all
}

// cellsOf are the faults of a step.
func cellsOf(t *testing.T, info reactor.StepInfo) (all []*cell) {
	faults := slices.Clone(crashes)
	if f, ok := hindrances[info.Step]; ok {
		faults = append(faults, f)
	}
	if slices.Contains(onDisk, info.Step) {
		faults = append(faults, disks...)
	}
	for _, f := range faults {
		all = append(all, &cell{step: info.Step, fault: f})
	}
	for _, name := range info.Requests {
		key, ok := keyNames[name]
		if !ok || len(answers[key]) == 0 {
			t.Fatalf("step %s asks for %q, of which no answers are known", info.Step, name)
		}
		for _, f := range append(slices.Clone(losses), answered(key)...) {
			all = append(all, &cell{step: info.Step, key: key, request: name, fault: f})
		}
	}
	return all
}

// onDisk are the steps that read or write the stores' files.
var onDisk = []reactor.Step{reactor.StartScan, reactor.RestoreOpen, reactor.RestoreSettle, reactor.CommitDisk, reactor.GiveClose}

// everyCell is an environment variable that, set to "all", has all cells run. Else a part of those without a
// crash is left out, the same each time.
const everyCell = "PITWHEEL_CRASHPOINTS"

// chosen says whether the cell runs.
func (c *cell) chosen() bool {
	return c.cannot == "" && (os.Getenv(everyCell) == "all" || c.index%5 == 0 || c.fault.kills() && c.index%2 == 0)
}

// TestEveryCrashPoint runs the cells, each in a bubble of its own.
func TestEveryCrashPoint(t *testing.T) {
	var green atomic.Int64
	all := cells(t)
	steps := map[reactor.Step]bool{}
	possible, ran := 0, 0
	for _, c := range all {
		if c.cannot == "" {
			steps[c.step] = true
			possible++
		}
	}
	for _, info := range reactor.Steps {
		if !steps[info.Step] {
			t.Errorf("step %s has no cell", info.Step)
		}
	}
	t.Run("cells", func(t *testing.T) {
		for _, c := range all {
			if !c.chosen() {
				continue
			}
			ran++
			t.Run(c.name(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, c.run)
				if !t.Failed() {
					green.Add(1)
				}
			})
		}
	})
	for _, c := range all {
		if c.cannot != "" && testing.Verbose() {
			t.Logf("cannot happen: %s: %s", c.name(), c.cannot)
		}
	}
	summary := fmt.Sprintf("crash points: %d cells, %d green (%d in all, and %d that cannot happen)", ran, green.Load(), possible, len(all)-possible)
	fmt.Fprintln(os.Stdout, summary)
}

func (c *cell) trap() *trap {
	t := &trap{step: c.step, key: c.key, fault: c.fault}
	switch {
	case strings.HasPrefix(string(c.step), "restore."):
		// Once one task has ended what was open, there is nothing left for the others; and which task is taken is
		// for the group to say.
		if c.step != reactor.RestoreFence && !c.scene.takes() {
			t.task = &watched
		}
	case strings.HasPrefix(string(c.step), "commit."):
		t.ready = func(l *life) bool { return l.seen.Load() > 0 }
		if strings.HasPrefix(c.scene.name, "gives") {
			t.ready = func(l *life) bool { return l.gives.Load() }
		}
	}
	return t
}

// run plays the cell: the scene up to the fault, what comes of it, some more numbers; then everything is
// compared.
func (c *cell) run(t *testing.T) {
	s := newStage(t, c.guarantee)
	s.unsynced = c.index % 3 * 50
	s.zombies = !c.exactly() && c.step == reactor.GiveJoin
	defer s.close()
	trap := c.trap()
	victim, all := c.scene.play(s, trap)
	if !s.await("the fault to happen", func() bool { return trap.met() > 0 }) {
		return
	}
	if !s.await("the end of what was disturbed", func() bool { return victim.isDead() || victim.hasEnded() || s.settled() }) {
		return
	}
	if !victim.isDead() {
		pass(3 * time.Second) // an end may follow
		if ended := victim.hasEnded(); ended != c.ends() {
			t.Errorf("the app has ended: %v, want %v", ended, c.ends())
		}
		if victim.hasEnded() && victim.result == nil {
			t.Error("the app ended without an error")
		}
	}
	if victim.isDead() && !c.scene.away || !victim.isDead() && victim.hasEnded() {
		s.start(victim.of)
	}
	s.send(14)
	if !s.awaitSettled() {
		return
	}
	for _, l := range s.lives {
		if l.isDead() || l.hasEnded() {
			continue
		}
		if err := l.stop(); err != nil {
			t.Errorf("instance %s: %v", l.of.id, err)
		}
	}
	s.check(all...)
}

// ends says whether the fault ends the app, with an error, until somebody mends the cause: the next life
// goes on. Of all others it comes back by itself.
func (c *cell) ends() bool {
	switch {
	case c.fault.hinder != nil, c.fault.name == "the disk fails" && c.step != reactor.StartScan:
		return true
	case c.fault.err == nil:
		return false
	case c.step == reactor.RestoreFence && (c.key == kmsg.DescribeGroups || c.key == kmsg.ListTransactions || c.key == kmsg.InitProducerID):
		return false // what cannot be fenced is waited for
	}
	if c.key == kmsg.InitProducerID && (c.fault.err == kerr.InvalidProducerEpoch || c.fault.err == kerr.ProducerFenced) {
		return true // to somebody who asks for a new epoch that is no answer
	}
	return slices.Contains(final, c.fault.err)
}

// final are the answers that trying again does not change.
var final = []*kerr.Error{
	kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed, kerr.PolicyViolation,
	kerr.FencedInstanceID, kerr.InconsistentGroupProtocol, kerr.InvalidReplicationFactor,
}
