package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/record"
)

// standbys keep the copies that the group wants here, in one goroutine, away from the loops: it reads
// all their changelogs with one reader.
type standbys struct {
	engine *Engine
	bell   chan struct{}

	mu       sync.Mutex
	all      map[record.TaskID]*standby
	commands []func()
	cancel   context.CancelFunc // of the poll under way
	ended    bool               // the goroutine has
	closed   bool               // no copies are kept any more

	// Of the goroutine.
	reader *kafka.Reader // nil: nothing is read
	copies map[record.Partition]*standby
	err    error
}

func newStandbys(e *Engine) *standbys {
	return &standbys{
		engine: e, bell: make(chan struct{}, 1),
		all: map[record.TaskID]*standby{}, copies: map[record.Partition]*standby{},
	}
}

// keep makes those the standbys of this instance, and ends all others. It returns once they are
// closed; those that are new are opened by and by.
func (r *standbys) keep(wanted []kafka.Standby) {
	active := map[record.TaskID]bool{}
	r.engine.mu.Lock()
	for id := range r.engine.assignments {
		active[id] = true
	}
	r.engine.mu.Unlock()

	r.mu.Lock()
	var gone []*standby
	for id, s := range r.all {
		if !slices.ContainsFunc(wanted, func(w kafka.Standby) bool { return w.Task == id }) {
			delete(r.all, id)
			gone = append(gone, s)
		}
	}
	for _, w := range wanted {
		if r.closed || active[w.Task] || !r.engine.hasChangelogs(w.Task) {
			continue
		}
		if r.all[w.Task] == nil {
			r.start(w.Task, nil)
		}
		r.all[w.Task].next.Store(w.Next)
	}
	r.mu.Unlock()
	r.ring() // a task may be to move here that has caught up already
	r.finish(gone)
}

// close ends all copies, and no more are kept.
func (r *standbys) close() {
	r.mu.Lock()
	r.closed = true
	all := slices.Collect(maps.Values(r.all))
	clear(r.all)
	r.mu.Unlock()
	r.finish(all)
}

func (r *standbys) finish(gone []*standby) {
	var closing sync.WaitGroup
	for _, s := range gone {
		closing.Go(func() {
			if err := s.close(); err != nil {
				r.engine.log.Error("closing failed", "error", err)
			}
		})
	}
	closing.Wait()
}

// start begins to keep a copy, in place of an earlier one if there is any. The mutex is held.
func (r *standbys) start(id record.TaskID, before *standby) {
	ctx, cancel := context.WithCancel(r.engine.work)
	s := &standby{engine: r.engine, id: id, cancel: cancel, before: before, opened: make(chan struct{})}
	if before != nil {
		s.next.Store(before.next.Load())
	}
	r.all[id] = s
	go func() {
		defer close(s.opened)
		if err := s.open(ctx); err != nil {
			if ctx.Err() == nil {
				r.engine.fail(fmt.Errorf("standby: %w", err))
			}
			return
		}
		r.engine.log.Info("standby opened", "task", id, "lag", s.lag.Load())
		r.do(func() { r.add(s) })
	}()
}

// detach gives up the copy of a task that is to work here; nil: there is none. Whoever gets it stops it.
func (r *standbys) detach(id record.TaskID) *standby {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.all[id]
	delete(r.all, id)
	return s
}

// lags are the standbys, and about how many records each is behind.
func (r *standbys) lags() map[record.TaskID]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	lags := make(map[record.TaskID]int64, len(r.all))
	for id, s := range r.all {
		lags[id] = s.lag.Load()
	}
	return lags
}

// Standbys are the tasks of which this instance keeps a copy, and about how many changelog records
// each is behind.
func (e *Engine) Standbys() map[record.TaskID]int64 { return e.standbys.lags() }

// do has the goroutine run f between two polls. Once it has ended, what was its is the mutex's.
func (r *standbys) do(f func()) {
	r.mu.Lock()
	if r.ended {
		f()
		r.mu.Unlock()
		return
	}
	r.commands = append(r.commands, f)
	if r.cancel != nil {
		r.cancel()
	}
	r.mu.Unlock()
	r.ring()
}

func (r *standbys) ring() {
	select {
	case r.bell <- struct{}{}:
	default:
	}
}

// tendEvery is how often standbys are tended that read nothing.
const tendEvery = time.Second

// run copies until ctx ends. An error is final.
func (r *standbys) run(ctx context.Context) error {
	defer r.end()
	timer := time.NewTimer(tendEvery)
	defer timer.Stop()
	for ctx.Err() == nil {
		pollCtx, cancel := context.WithTimeout(ctx, tendEvery)
		for _, f := range r.take(cancel) {
			f()
		}
		var err error
		if r.reader != nil {
			err = r.reader.Poll(pollCtx, r.apply)
		} else {
			timer.Reset(tendEvery)
			select {
			case <-r.bell:
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		cancel()
		if errors.Is(err, kafka.ErrOutOfRange) {
			err = r.reopen(ctx, err)
		}
		if err := firstError(err, r.err, r.tend(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// take takes what is to be done; cancel ends the poll that follows when there is more.
func (r *standbys) take(cancel context.CancelFunc) []func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	commands := r.commands
	r.commands, r.cancel = nil, cancel
	return commands
}

// end does what is still to be done, and leaves the rest to others.
func (r *standbys) end() {
	for {
		r.mu.Lock()
		commands := r.commands
		r.commands = nil
		if len(commands) == 0 {
			r.ended = true
			if r.reader != nil {
				r.reader.Close()
				r.reader = nil
			}
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		for _, f := range commands {
			f()
		}
	}
}

func (r *standbys) tend(ctx context.Context) error {
	now := time.Now()
	tended := map[*standby]bool{}
	for _, s := range r.copies {
		if tended[s] {
			continue
		}
		tended[s] = true
		if err := s.tend(ctx, now); err != nil {
			return err
		}
	}
	return nil
}

// add reads the copy's changelogs.
func (r *standbys) add(s *standby) {
	if r.ended {
		return
	}
	from := map[record.Partition]int64{}
	for p, name := range s.stores {
		r.copies[p], from[p] = s, s.read[name]
	}
	if r.reader != nil {
		r.reader.Add(from)
		return
	}
	r.reader, r.err = kafka.NewReader(r.engine.config.Kafka, from)
}

// remove reads the copy's changelogs no more.
func (r *standbys) remove(s *standby) {
	var of []record.Partition
	for p := range s.stores {
		if r.copies[p] == s {
			delete(r.copies, p)
			of = append(of, p)
		}
	}
	if r.reader == nil || len(of) == 0 {
		return
	}
	if len(r.copies) == 0 {
		r.reader.Close()
		r.reader = nil
		return
	}
	r.reader.Remove(of)
}

func (r *standbys) apply(f kafka.Fetched) {
	if s := r.copies[f.Partition]; s != nil && r.err == nil {
		r.err = s.apply(f)
	}
}

// reopen begins anew with copies whose changelog has dropped what they were to read next. It returns
// the cause if there are none.
func (r *standbys) reopen(ctx context.Context, cause error) error {
	behind := map[*standby]bool{}
	var of []record.Partition
	for p := range r.copies {
		of = append(of, p)
	}
	starts, err := r.engine.admin.Starts(ctx, of)
	if err != nil {
		return errors.Join(cause, err)
	}
	for p, s := range r.copies {
		if s.read[s.stores[p]] < starts[p] {
			behind[s] = true
		}
	}
	if len(behind) == 0 {
		return cause
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range behind {
		r.remove(s)
		if r.all[s.id] == s { // else it is being given up
			r.start(s.id, s)
		}
	}
	return nil
}

// hasChangelogs says whether there is such a task with state.
func (e *Engine) hasChangelogs(id record.TaskID) bool {
	if int(id.Subtopology) >= len(e.config.Plan.Subtopologies) {
		return false
	}
	sub := e.config.Plan.Subtopologies[id.Subtopology]
	return id.Partition < e.topics().partitions(sub) && slices.ContainsFunc(sub.Stores, isLogged)
}
