package pitwheel_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/topology"
)

// restores notes what bringing tasks back took.
type restores struct {
	mu sync.Mutex
	of []pitwheel.Restore
}

func (r *restores) note(restore pitwheel.Restore) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of = append(r.of, restore)
}

// take is how many tasks with state were brought back since the last call, and how many records that took.
func (r *restores) take() (tasks int, records int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, restore := range r.of {
		if restore.Task.Subtopology == 1 && restore.Done() {
			tasks++
			records += restore.Records
		}
	}
	r.of = nil
	return tasks, records
}

// caughtUp says that the app has so many standbys and none is behind.
func caughtUp(app *pitwheel.App, n int) bool {
	lags := app.Standbys()
	for _, lag := range lags {
		if lag > 0 {
			return false
		}
	}
	return len(lags) == n
}

// child starts a worker process, which can be killed.
func (b *broker) child(t *testing.T, c pitwheel.Config, plan string) *exec.Cmd {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(executable)
	cmd.Env = append(os.Environ(), workerBrokers+"="+strings.Join(b.ListenAddrs(), ","), workerState+"="+c.StateDir,
		workerInstance+"="+c.InstanceID, fmt.Sprintf("%s=%d", workerStandbys, c.Standbys), workerPlan+"="+plan)
	cmd.Stderr = testWriter{t}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// Kills the instance that has all tasks. The one with the standbys takes them over: it has read
// their changelogs already and reads them no more.
func TestStandbyTakesOver(t *testing.T) {
	plans := map[string]func() (*topology.Plan, error){
		"on disk": wordCountPlan,
		"in memory": func() (*topology.Plan, error) {
			b := topology.NewBuilder()
			b.Stream(words).GroupBy(func(_, word string) string { return word }).
				Count(topology.As("word-counts"), topology.InMemory()).ToStream().To(counts)
			return b.Build()
		},
	}
	for name, plan := range plans {
		t.Run(name, func(t *testing.T) {
			const partitions, keys = 2, 3000
			b := newBroker(t, partitions, "words", "counts")
			record, want := counting(keys)
			active := b.config(t)
			active.InstanceID, active.Standbys = "active", 1
			process := b.child(t, active, "words")
			b.produce("words", 2*keys, record)
			b.awaitRecords("counts", 2*keys)

			p, err := plan()
			if err != nil {
				t.Fatal(err)
			}
			brought := &restores{}
			c := b.config(t)
			c.InstanceID, c.Standbys, c.OnRestore = "standby", 1, brought.note
			app, stop := start(t, p, c)
			await(t, "the tasks to be shared", func() bool { return app.State() == pitwheel.Running && caughtUp(app, 1) })
			brought.take()

			b.produce("words", keys, record)
			b.awaitRecords("counts", 3*keys)
			await(t, "the standby to catch up", func() bool { return caughtUp(app, 1) })
			_ = process.Process.Kill()
			_ = process.Wait()
			b.kick("active")
			b.produce("words", keys, record)
			b.checkSequences("counts", want(4*keys))
			tasks, records := brought.take()
			if tasks < 1 || records > keys/10 {
				t.Errorf("%d tasks were taken over with %d records replayed, of %d in the changelogs", tasks, records, b.records("app-word-counts-changelog"))
			}
			t.Logf("%d tasks, %d records replayed, %d in the changelogs", tasks, records, b.records("app-word-counts-changelog"))
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A new instance prepares the tasks that it is to have while they go on where they are.
func TestTaskMovesOnceItsStateHas(t *testing.T) {
	const partitions, keys = 4, 60000
	b := newBroker(t, partitions, "words", "counts")
	record, want := counting(keys)
	brought := &restores{}
	config := func(name string) pitwheel.Config {
		c := b.config(t)
		c.InstanceID, c.StateDir, c.LeaveOnStop = name, filepath.Join(t.TempDir(), name), true
		c.OnRestore = brought.note
		return c
	}
	one, stopOne := start(t, wordCounts(t), config("one"))
	b.produce("words", keys, record)
	b.awaitRecords("counts", keys)
	await(t, "the first instance", func() bool { return one.State() == pitwheel.Running })
	brought.take()

	two, stopTwo := start(t, wordCounts(t), config("two"))
	seen := 0
	await(t, "the second instance to have its tasks", func() bool {
		seen = max(seen, len(two.Standbys()))
		tasks, records := brought.take()
		if records > keys/10 {
			t.Fatalf("%d tasks were taken over with %d records replayed", tasks, records)
		}
		return seen > 0 && len(two.Standbys()) == 0 && two.State() == pitwheel.Running
	})
	b.produce("words", keys, record)
	b.checkSequences("counts", want(2*keys))
	if in := two.Metrics().Processed; in == 0 {
		t.Error("the second instance processed nothing")
	}
	for _, stop := range []func() error{stopOne, stopTwo} {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}

// Of each task with state another instance keeps a copy.
func TestStandbysAreKept(t *testing.T) {
	b := newBroker(t, 4, "words", "counts")
	record, want := counting(100)
	apps := map[string]*pitwheel.App{}
	for _, name := range []string{"one", "two", "three"} {
		c := b.config(t)
		c.InstanceID, c.StateDir, c.Standbys = name, filepath.Join(t.TempDir(), name), 1
		apps[name], _ = start(t, wordCounts(t), c)
	}
	b.produce("words", 2000, record)
	await(t, "a standby of each task", func() bool {
		n := 0
		for _, app := range apps {
			n += len(app.Standbys())
			for _, lag := range app.Standbys() {
				if lag > 0 {
					return false
				}
			}
		}
		return n == 4
	})
	b.checkSequences("counts", want(2000))
}
