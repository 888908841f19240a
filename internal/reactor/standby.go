package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// standby is a copy of a task's state that is kept warm: its stores are open and follow their
// changelogs, its steps are not bound. It holds committed records only, as far as the last of them
// that it read: never further than the commit that wrote it, whatever markers and aborted records
// follow. So taking it over is a restore like any other, which begins where the copy stands.
type standby struct {
	engine *Engine
	id     record.TaskID
	next   atomic.Bool  // the task is to move here
	lag    atomic.Int64 // records behind the ends of the changelogs, about
	cancel context.CancelFunc
	before *standby      // an earlier copy, to be closed first; nil: none
	opened chan struct{} // closed when open has ended

	// Of open, then of the goroutine of standbys, then of who stopped it.
	space   *store.Space
	task    *Task
	stores  map[record.Partition]string
	read    map[string]int64 // the position behind what was read
	reached map[string]int64 // the position behind the last record
	ends    map[string]int64 // of the changelogs, as they were last known
	flushed time.Time
	touched time.Time // when the copy was last known to be complete
	asked   time.Time // when the group was last told that the task can move here
}

// open opens local state and finds out where its changelogs are to be read from.
func (s *standby) open(ctx context.Context) error {
	if s.before != nil {
		if err := s.before.close(); err != nil {
			return err
		}
		s.before = nil
	}
	e := s.engine
	select {
	case e.openings <- struct{}{}:
		defer func() { <-e.openings }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var err error
	if s.space, err = e.openSpace(s.id); err != nil {
		return err
	}
	begin, fresh := record.TimeOf(time.Now()), s.space.Empty()
	if s.task, err = openTask(e.taskConfig(s.id, s.space)); err != nil {
		return err
	}
	if err := e.identify(s.task, Proof{}); err != nil {
		return fmt.Errorf("task %s: %w", s.id, err)
	}
	local, err := e.local(ctx, s.task, false)
	if err != nil {
		return err
	}
	from, err := followFrom(local)
	if err != nil {
		return fmt.Errorf("task %s: %w", s.id, err)
	}
	if err := e.discard(s.task, Proof{Seq: local.Seq}, local, from); err != nil {
		return err
	}
	if fresh {
		// What follows is read from the beginning: it is complete as of now.
		if err := s.space.Apply(nil, store.Checkpoint{At: begin}); err != nil {
			return fmt.Errorf("task %s: %w", s.id, err)
		}
	}
	s.stores = map[record.Partition]string{}
	for name, p := range s.task.Changelogs() {
		s.stores[p] = name
	}
	s.read, s.reached, s.ends = from, maps.Clone(from), local.Ends
	s.flushed = time.Now()
	s.measure()
	return nil
}

// apply puts what was fetched of a changelog into its store.
func (s *standby) apply(f kafka.Fetched) error {
	name := s.stores[f.Partition]
	rows, err := s.task.rows(name, f)
	if err != nil {
		return fmt.Errorf("standby of task %s: topic %q partition %d: %w", s.id, f.Partition.Topic, f.Partition.ID, err)
	}
	if n := len(f.Records); n > 0 {
		s.reached[name] = f.Records[n-1].Offset + 1
		if err := s.space.Restore(name, rows, s.reached[name]); err != nil {
			return fmt.Errorf("standby of task %s: %w", s.id, err)
		}
	}
	s.read[name], s.ends[name] = f.Next, f.End
	s.engine.held.note(s.id, name, f.Next)
	s.measure()
	return nil
}

func (s *standby) measure() {
	lag := int64(0)
	for name, end := range s.ends {
		lag += max(0, end-s.read[name])
	}
	s.lag.Store(lag)
}

// askAgain is how long the group is given to move a task.
const askAgain = 10 * time.Second

// tend does what is due now and then: local state to disk, and the word to the group that a task can
// move here. It waits for some more than counts as caught up, because the changelogs grow on.
func (s *standby) tend(ctx context.Context, now time.Time) error {
	if kafka.LevelOf(2*s.lag.Load()).CaughtUp() && s.next.Load() && now.Sub(s.asked) > askAgain {
		s.asked = now
		s.engine.log.Info("a task's state has caught up, the task can move here", "task", s.id, "lag", s.lag.Load())
		s.engine.group.Rejoin()
	}
	if now.Sub(s.touched) > touchEvery && s.lag.Load() == 0 {
		if err := s.touch(ctx, now); err != nil {
			return err
		}
	}
	unflushed := s.space.UnflushedBytes()
	if unflushed == 0 || now.Sub(s.flushed) < s.engine.config.FlushInterval && unflushed < s.engine.config.FlushBytes {
		return nil
	}
	s.flushed = now
	if err := s.space.Flush(); err != nil {
		return fmt.Errorf("standby of task %s: flush state: %w", s.id, err)
	}
	return nil
}

// touch notes that the copy is complete as of now, if the brokers say so: a copy that was last
// complete too long ago is not gone on from.
func (s *standby) touch(ctx context.Context, now time.Time) error {
	s.touched = now
	of := make([]record.Partition, 0, len(s.stores))
	for p := range s.stores {
		of = append(of, p)
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	ends, err := s.engine.admin.StableEnds(ctx, of)
	if err != nil {
		return nil // it is tried again
	}
	for p, name := range s.stores {
		if s.read[name] < ends[p] {
			return nil
		}
	}
	at := store.Checkpoint{Seq: s.space.Checkpoint().Seq, At: record.TimeOf(now)}
	if err := s.space.Apply(nil, at); err != nil {
		return fmt.Errorf("standby of task %s: %w", s.id, err)
	}
	return nil
}

// stop ends the copying and hands out what was opened: nil where there is none.
func (s *standby) stop() (*store.Space, *Task) {
	s.cancel()
	<-s.opened
	stopped := make(chan struct{})
	s.engine.standbys.do(func() {
		s.engine.standbys.remove(s)
		close(stopped)
	})
	<-stopped
	return s.space, s.task
}

// close stops the copying, flushes and closes local state. What was copied is committed data: it
// stays.
func (s *standby) close() error {
	space, _ := s.stop()
	if space == nil {
		return nil
	}
	s.engine.held.noteClosed(s.id, space)
	if err := errors.Join(space.Flush(), space.Close()); err != nil {
		return fmt.Errorf("standby of task %s: close state: %w", s.id, err)
	}
	return nil
}
