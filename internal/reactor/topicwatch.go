package reactor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
)

// watchEvery is how soon it shows that a topic was deleted, made anew or got more partitions. Until
// then the client asks for what is gone as fast as brokers answer.
const watchEvery = 10 * time.Second

// watchTopics looks now and then which topics match the sources' patterns, and whether the others are still
// those that the app was started with. It returns what is not. A consumer says nothing of a topic that is gone, and the group takes its
// partitions away as in any other rebalance.
func (e *Engine) watchTopics(ctx context.Context) error {
	patterns := len(e.topics().patterns()) > 0
	given := e.given
	if !patterns {
		given = nil
	}
	ticker := time.NewTicker(e.config.WatchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-given:
			// A static member that comes back is given what it had, whatever it reads by now.
			given = nil
			e.group.Rejoin()
			continue
		case <-ticker.C:
		case <-e.lookNow:
		}
		var err error
		if patterns {
			err = e.rematch(ctx)
		}
		if err == nil {
			err = e.topics().check(ctx, e.topics().all())
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// all are the full names of the topics that are read or written.
func (t *topics) all() []string {
	return slices.Compact(slices.Sorted(slices.Values(append(t.written(), t.sources()...))))
}

// gone is an error if something failed because its topic was deleted or made anew.
func (t *topics) gone(ctx context.Context, cause error) error {
	if !kafka.UnknownTopic(cause) {
		return nil
	}
	if of, ok := errors.AsType[*kafka.ProduceError](cause); ok {
		return t.check(ctx, []string{of.Topic})
	}
	return t.check(ctx, t.all()) // of an offset that was to be committed
}

// check compares topics with what they were at the start. The error names each that has changed, and
// the fix. A broker that has just started may not know a topic yet, so it takes two looks.
func (t *topics) check(ctx context.Context, names []string) error {
	if t.changed(ctx, names) == nil {
		return nil
	}
	if err := pause(ctx, min(t.config.WatchInterval, time.Second)); err != nil {
		return err
	}
	return t.changed(ctx, names)
}

func (t *topics) changed(ctx context.Context, names []string) error {
	found, err := t.admin.Topics(ctx, names)
	if err != nil {
		return err
	}
	kind := t.kinds()
	var changed error
	for _, name := range slices.Sorted(slices.Values(names)) {
		was, known := t.started(name)
		now, there := found[name]
		switch of := kind(name); {
		case !known, !there && t.byPattern(name):
			continue // what a pattern matches may go: see rematch
		case !there || was.ID != now.ID:
			changed = errors.Join(changed, goneError(name, there, of))
		case now.Partitions != was.Partitions && of != outputTopic:
			changed = errors.Join(changed, partitionsError(name, was.Partitions, now.Partitions))
		case now.Partitions != was.Partitions:
			// Nothing is lost, but others find a key elsewhere than this app does.
			t.config.Logger.Warn("an output topic has another number of partitions than at the start, which go unused: restart the app", "topic", name,
				"partitions", now.Partitions, "at_start", was.Partitions)
		}
	}
	return changed
}

// started is the topic as of the start.
func (t *topics) started(name string) (info kafka.TopicInfo, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count, known := t.counts[name]
	return kafka.TopicInfo{Partitions: count, ID: t.ids[name]}, known
}

// sameTopics refuses topics that were deleted and made anew since.
func (t *topics) sameTopics(now *topics) (wrong error) {
	kind := t.kinds()
	for _, name := range t.all() {
		if was, is := t.id(name), now.id(name); is != [16]byte{} && was != is {
			wrong = errors.Join(wrong, goneError(name, true, kind(name)))
		}
	}
	return wrong
}

// topicKind is what a topic is to the app.
type topicKind int

const (
	outputTopic topicKind = iota
	sourceTopic
	repartitionTopic
	changelogTopic
)

func (t *topics) kinds() func(name string) topicKind {
	of := map[string]topicKind{}
	for _, name := range t.sources() {
		of[name] = sourceTopic
	}
	for _, topic := range t.internal() {
		of[topic.name] = repartitionTopic
		if topic.changelog {
			of[topic.name] = changelogTopic
		}
	}
	return func(name string) topicKind { return of[name] }
}

func goneError(name string, anew bool, of topicKind) error {
	what := "was deleted"
	if anew {
		what = "was deleted and made anew"
	}
	fix := "create it, with as many partitions, and start again"
	switch of {
	case changelogTopic:
		fix = "local state may be the only copy of its store: bring the topic back with its records, or start over as docs/reliability.md says"
	case repartitionTopic:
		fix = "what it held and was not yet processed is lost: to go on without it start again"
	case sourceTopic:
		fix = "the group's offsets are of the old one: bring it back with its records, or start over as docs/reliability.md says"
	}
	return fmt.Errorf("topic %q %s while the app ran: %s", name, what, fix)
}

// partitionsError is of a topic whose partitions are tasks. Keys have moved between partitions; the
// state of their old ones has not.
func partitionsError(name string, was, now int32) error {
	return fmt.Errorf("topic %q had %d partitions when this instance started and has %d now: if that is wanted, start over under a new application id, or stop all instances and delete the application's internal topics, offsets and state directories",
		name, was, now)
}
