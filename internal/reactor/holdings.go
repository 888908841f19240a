package reactor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// holdings know how far this instance's copies of tasks' state are, open or not: what it tells the
// group, so that tasks go where their state is.
type holdings struct {
	engine *Engine

	mu sync.Mutex
	at map[record.TaskID]map[string]int64 // changelog positions, by store
}

// note says how far a store of a task is.
func (h *holdings) note(of record.TaskID, name string, at int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.at[of] == nil {
		h.at[of] = map[string]int64{}
	}
	h.at[of][name] = at
}

// noteClosed says what is left of a task's state that is being closed: its stores on disk.
func (h *holdings) noteClosed(of record.TaskID, space *store.Space) {
	positions := space.Checkpoint().Positions
	for _, s := range h.engine.config.Plan.Subtopologies[of.Subtopology].Stores {
		if !s.Logged {
			continue
		}
		at := positions[s.Name]
		if s.InMemory {
			at = 0
		}
		h.note(of, s.Name, at)
	}
}

// scan looks at all task directories that are there at start. What cannot be read counts for nothing
// here: it is told when the task is opened.
func (h *holdings) scan(ctx context.Context) error {
	if h.engine.config.TaskDirs == nil {
		return nil
	}
	ids, err := h.engine.config.TaskDirs()
	if err != nil {
		return err
	}
	turns := make(chan struct{}, 4)
	var all sync.WaitGroup
	for _, id := range ids {
		if int(id.Subtopology) >= len(h.engine.config.Plan.Subtopologies) || ctx.Err() != nil {
			continue
		}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			if err := h.look(id); err != nil {
				h.engine.log.Warn("a task's directory cannot be read, it is taken for empty", "task", id, "error", err)
			}
		})
	}
	all.Wait()
	return nil
}

func (h *holdings) look(id record.TaskID) error {
	if !slices.ContainsFunc(h.engine.config.Plan.Subtopologies[id.Subtopology].Stores, func(s *plan.Store) bool { return s.Logged && !s.InMemory }) {
		return nil
	}
	space, err := h.engine.openSpace(id)
	if err != nil {
		return err
	}
	h.noteClosed(id, space)
	return space.Close()
}

// askTime bounds how long joining the group may wait for the changelogs' ends.
const askTime = 5 * time.Second

// now is what this instance holds of each task with state. What it works on it has; of the others it
// lacks what stands in their changelogs behind its copy. If brokers do not say how much that is, it
// says nothing of those.
func (h *holdings) now() kafka.Holdings {
	e := h.engine
	ctx, cancel := context.WithTimeout(e.work, askTime)
	defer cancel()
	var of []record.Partition
	h.each(func(_ record.TaskID, _ string, changelog record.Partition) { of = append(of, changelog) })
	ends, err := e.admin.Ends(ctx, of)
	var starts map[record.Partition]int64
	if err == nil {
		starts, err = e.admin.Starts(ctx, of)
	}
	if err != nil && e.work.Err() == nil {
		e.log.Warn("the group is not told which state is here: brokers do not say how long changelogs are", "error", err)
	}
	missing := map[record.TaskID]int64{}
	h.mu.Lock()
	h.each(func(id record.TaskID, name string, changelog record.Partition) {
		missing[id] += max(0, ends[changelog]-max(starts[changelog], h.at[id][name]))
	})
	h.mu.Unlock()
	var told kafka.Holdings
	running, warm := e.runningTasks(), e.standbys.lags()
	for id, n := range missing {
		_, isWarm := warm[id]
		switch {
		case running[id]:
			told.Set(id, kafka.Holding{})
		case err == nil:
			told.Set(id, kafka.Holding{Level: kafka.LevelOf(n), Warm: isWarm})
		}
	}
	return told
}

// each visits the changelogs of all tasks.
func (h *holdings) each(visit func(of record.TaskID, store string, changelog record.Partition)) {
	for _, sub := range h.engine.config.Plan.Subtopologies {
		for _, s := range sub.Stores {
			if !s.Logged {
				continue
			}
			topic := plan.ChangelogTopic(h.engine.config.ApplicationID, s.Name)
			for p := range h.engine.topics().count(topic) {
				visit(record.TaskID{Subtopology: sub.ID, Partition: p}, s.Name, record.Partition{Topic: topic, ID: p})
			}
		}
	}
}

// runningTasks are those that process records here.
func (e *Engine) runningTasks() map[record.TaskID]bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	running := map[record.TaskID]bool{}
	for id, a := range e.assignments {
		if a.lifecycle.state() == TaskRunning {
			running[id] = true
		}
	}
	return running
}

// followFrom is where a standby reads its changelogs from. Local state is compared with them alone:
// with the commits it is when the task is taken over.
func followFrom(l Local) (from map[string]int64, err error) {
	from = make(map[string]int64, len(l.Ends))
	for name := range l.Ends {
		if from[name], err = (Proof{Seq: l.Seq}).from(l, name); err != nil {
			return nil, fmt.Errorf("standby: %w", err)
		}
	}
	return from, nil
}
