package reactor

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// Try sets the plan's processors up and closes them again, in a task of each subtopology with empty
// stores in memory: what they get wrong, such as opening a store that they are not connected with, shows
// before an app touches anything.
func Try(p *plan.Plan, applicationID string, log *slog.Logger) error {
	t := trial{plan: p, applicationID: applicationID, log: log, globals: map[string]*store.Space{}}
	var errs []error
	for _, sub := range slices.Concat(p.Globals, p.Subtopologies) {
		if setsUp(sub) {
			errs = append(errs, t.try(sub))
		}
	}
	for _, space := range t.spaces {
		errs = append(errs, space.Close())
	}
	return errors.Join(errs...)
}

// trial has the spaces of the global stores, which those who are tried later may open.
type trial struct {
	plan          *plan.Plan
	applicationID string
	log           *slog.Logger
	globals       map[string]*store.Space // by store
	spaces        []*store.Space          // to be closed when all were tried
}

func (t *trial) global(name string) (*plan.Store, *store.Committed) {
	for _, sub := range t.plan.Globals {
		for _, s := range sub.Stores {
			if space := t.globals[name]; s.Name == name && space != nil {
				return s, space.Committed(name)
			}
		}
	}
	return nil, nil
}

func setsUp(sub *plan.Subtopology) bool {
	for _, n := range sub.Nodes {
		if n.SetsUp {
			return true
		}
	}
	return false
}

func (t *trial) try(sub *plan.Subtopology) (err error) {
	space, err := store.OpenSpace(store.SpaceConfig{Logger: t.log})
	if err != nil {
		return fmt.Errorf("try the processors of subtopology %d: %w", sub.ID, err)
	}
	if slices.Contains(t.plan.Globals, sub) {
		t.spaces = append(t.spaces, space)
		for _, s := range sub.Stores {
			t.globals[s.Name] = space
		}
	} else {
		defer func() { err = errors.Join(err, space.Close()) }()
	}
	topics := map[string]*processor.Topic{}
	task, err := NewTask(TaskConfig{
		ID: record.TaskID{Subtopology: sub.ID}, ApplicationID: t.applicationID, Subtopology: sub,
		Space: space, Logger: t.log, Globals: t.global,
		Topic: func(name string) *processor.Topic {
			if topics[name] == nil {
				topics[name] = &processor.Topic{Name: name, Partitions: 1}
			}
			return topics[name]
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, task.Close()) }()
	return task.Start(Proof{}, nil, func(record.Partition) (int64, error) { return 0, nil })
}
