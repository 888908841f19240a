package reactor

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// Try sets the plan's processors up and closes them again, in a task of each subtopology with empty
// stores in memory: what they get wrong, such as opening a store that they are not connected with, shows
// before an app touches anything.
func Try(p *plan.Plan, applicationID string, log *slog.Logger) error {
	var errs []error
	for _, sub := range p.Subtopologies {
		if setsUp(sub) {
			errs = append(errs, trySubtopology(sub, applicationID, log))
		}
	}
	return errors.Join(errs...)
}

func setsUp(sub *plan.Subtopology) bool {
	for _, n := range sub.Nodes {
		if n.SetsUp {
			return true
		}
	}
	return false
}

func trySubtopology(sub *plan.Subtopology, applicationID string, log *slog.Logger) (err error) {
	space, err := store.OpenSpace(store.SpaceConfig{Logger: log})
	if err != nil {
		return fmt.Errorf("try the processors of subtopology %d: %w", sub.ID, err)
	}
	defer func() { err = errors.Join(err, space.Close()) }()
	topics := map[string]*processor.Topic{}
	task, err := NewTask(TaskConfig{
		ID: record.TaskID{Subtopology: sub.ID}, ApplicationID: applicationID, Subtopology: sub,
		Space: space, Logger: log,
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
