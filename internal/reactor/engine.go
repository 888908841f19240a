package reactor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/tracing"
)

// Config is what an Engine runs with. The root package fills it from its own and checks it first.
type Config struct {
	Plan          *plan.Plan
	ApplicationID string
	InstanceID    string
	TaskDir       func(id record.TaskID) (string, error) // where a task's state is; it exists
	TaskDirs      func() ([]record.TaskID, error)        // of which tasks there is a directory
	Standbys      int                                    // copies of each task's state on other instances
	ExactlyOnce   bool

	// GlobalDir is where the global stores of that name are; it exists. Nil: in memory.
	GlobalDir func(name string) (string, error)
	// TaskNote is what KeepTaskNote has kept beside a task's state; empty: nothing. Nil: none is kept.
	TaskNote     func(id record.TaskID) ([]byte, error)
	KeepTaskNote func(id record.TaskID, note []byte) error

	Policies processor.ErrorPolicies

	CommitInterval     time.Duration
	TaskIdle           time.Duration // see TaskConfig.Idle
	FlushInterval      time.Duration // how often local state goes to disk
	FlushBytes         int64         // or after so much of it
	TransactionTimeout time.Duration
	SessionTimeout     time.Duration // zero: the consumer's default
	Loops              int
	BufferBytes        int64         // of records fetched and not processed, of all partitions together
	StopTimeout        time.Duration // for the last commits, once Run's context has ended
	Codec              kafka.Codec   // of what is produced
	RepairHung         bool          // end transactions that hang, where it is proven how they were decided
	CreateTopics       bool          // internal ones that are missing
	Replication        int16         // of internal topics; -1: the broker's default
	LeaveOnStop        bool
	WatchInterval      time.Duration // of looking whether topics have changed; zero: 10 s

	Kafka      kafka.Config
	Shared     *store.Shared
	Logger     *slog.Logger
	Tracer     tracing.Tracer // nil: off
	WatchSteps bool           // count what passes each step
	TimeSteps  bool           // and make spans of it

	MaxErrors int64 // that policies may let pass; 0: no limit

	OnRunning func(all bool)    // whether all assigned tasks run; nil: not told
	OnRestore func(r Restoring) // nil: not told

	Probe *Probe // of a test; nil: none
}

// Engine runs a plan as one instance of its application.
type Engine struct {
	config   Config
	log      *slog.Logger
	found    atomic.Pointer[topics] // the topics as they were last looked for
	admin    *kafka.Admin
	consumer *kafka.Consumer   // what is fetched
	group    kafka.Coordinator // the membership
	poller   *poller
	purger   *purger
	held     *holdings
	standbys *standbys
	prober   *prober
	loops    []*loop
	globals  []*global                 // before tasks are opened they are all there
	filled   atomic.Pointer[[]*global] // the same, for queries, once they are filled

	work context.Context // of all that runs; ended with the first failure
	fail context.CancelCauseFunc
	busy atomic.Int64 // when something last happened, Unix nanoseconds

	given   chan struct{} // closed with the first assignment
	lookNow chan struct{} // rung when a topic may have gone

	member             atomic.Bool  // of the group, as of the last poll
	polled             atomic.Int64 // when the consumer was last asked for records, Unix nanoseconds; 0: not yet
	transactionVersion int16        // of the brokers, as of the start

	opened, closed atomic.Int64 // tasks
	rebalances     atomic.Int64

	errors   *ErrorLimit
	openings chan struct{} // bounds how many tasks are opened at a time

	moving      sync.Mutex // held while tasks come and go, outside mu
	mu          sync.Mutex
	memberID    string // to whom the partitions were given
	assignments map[record.TaskID]*assignment
	owned       map[record.Partition]bool
	unclosed    map[*assignment]bool // whose local state may be open
	ended       bool                 // no task is opened any more

	partitions atomic.Int64 // assigned, for the buffers' share of each

	joining *Way // of the group's callbacks, once it is made
}

// assignment is a task that the group gave to this instance.
type assignment struct {
	engine      *Engine
	id          record.TaskID
	subtopology *plan.Subtopology
	inputs      inputs
	owner       int64  // tells this opening's commits from all others
	member      string // of the group, to whom the task was given
	loop        *loop
	lifecycle   lifecycle
	ctx         context.Context // until the task is given up
	cancel      context.CancelFunc
	warm        *standby      // the copy that was kept here until now; nil: none
	opened      chan struct{} // closed when open has ended
	failed      bool          // open did not succeed; valid once opened
	restoring   restoring

	space *store.Space
	task  *Task
}

// New makes an Engine.
func New(c Config) *Engine {
	c.WatchInterval = cmp.Or(c.WatchInterval, watchEvery)
	c.Kafka = c.Kafka.Shared()
	e := &Engine{
		config: c, log: c.Logger, errors: NewErrorLimit(c.MaxErrors),
		openings:    make(chan struct{}, 4),
		given:       make(chan struct{}),
		lookNow:     make(chan struct{}, 1),
		assignments: map[record.TaskID]*assignment{},
		owned:       map[record.Partition]bool{},
		unclosed:    map[*assignment]bool{},
	}
	e.held = &holdings{engine: e, at: map[record.TaskID]map[string]int64{}}
	e.standbys = newStandbys(e)
	return e
}

// Run works until ctx ends, then commits, flushes, closes and returns nil; or until the first
// error, which it returns. It runs once.
func (e *Engine) Run(ctx context.Context) (err error) {
	e.work, e.fail = context.WithCancelCause(context.WithoutCancel(ctx))
	defer e.fail(nil)
	e.progress()
	admin, err := kafka.NewAdmin(e.config.Kafka)
	if err != nil {
		return err
	}
	defer admin.Close()
	e.admin = admin
	way := e.config.Probe.Begin(Moment{})
	defer func() { way.End(err) }()
	way.Enter(StartTopics)
	if err := e.checkBrokers(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	topics, err := prepareTopics(ctx, e.config, admin, nil)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	e.found.Store(topics)
	// Every transactional id that may be ours is taken before anything is read: a transaction
	// that our last life left open would stand before our restores until it timed out.
	defer func() {
		for _, l := range e.loops {
			l.producer.Close()
		}
	}()
	way.Enter(StartFence)
	if err := e.makeLoops(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() { err = errors.Join(err, e.closeGlobals()) }()
	if err := e.openGlobals(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	way.Enter(StartScan)
	if err := e.held.scan(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	way.Leave()
	if err := e.join(); err != nil {
		return err
	}
	return e.runLoops(ctx)
}

// unlessStopped is the error, or nil where ctx has ended: being stopped is no failure.
func unlessStopped(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

func (e *Engine) makeLoops(ctx context.Context) error {
	for i := range e.config.Loops {
		of := kafka.ProducerConfig{
			Group: e.config.ApplicationID, Timeout: e.config.TransactionTimeout,
			BufferBytes: int(e.config.BufferBytes) / e.config.Loops, Codec: e.config.Codec, MaxBytes: func(topic string) int32 { return e.topics().maxBytes(topic) },
		}
		if e.config.ExactlyOnce {
			of.TransactionalID = e.transactionalID(i)
		}
		producer, err := kafka.NewProducer(ctx, e.config.Kafka, of)
		if err != nil {
			return err
		}
		e.mu.Lock()
		e.loops = append(e.loops, &loop{
			engine: e, index: i, log: e.log, producer: producer, idleSince: time.Now(),
			inbox: inbox{bell: make(chan struct{}, 1)}})
		e.mu.Unlock()
	}
	return nil
}

// transactionalID is that of a loop.
func (e *Engine) transactionalID(loop int) string {
	return kafka.TransactionalID(e.config.ApplicationID, e.config.InstanceID, loop)
}

// join makes the consumer, which joins the group and is told of its tasks.
func (e *Engine) join() error {
	e.poller = &poller{engine: e, routes: map[record.Partition]*route{}}
	e.purger = &purger{admin: e.admin, log: e.log, internal: e.topics().isRepartition, before: map[record.Partition]int64{}}
	e.prober = &prober{admin: e.admin, log: e.log, questions: map[*route]question{}, bell: make(chan struct{}, 1)}
	e.joining = e.config.Probe.Begin(Moment{})
	e.joining.Enter(StartJoin)
	consumer, err := kafka.NewConsumer(e.config.Kafka, kafka.ConsumerConfig{
		Group: e.config.ApplicationID, InstanceID: e.config.InstanceID,
		Topics: e.topics().sources(), Latest: e.fromEnd,
		Balancer: kafka.BalancerConfig{
			Tasks: e.topics().tasks(), Home: e.topics().home, Standbys: e.config.Standbys, Holdings: e.held.now,
		},
		Leave: e.config.LeaveOnStop, SessionTimeout: e.config.SessionTimeout,
		FetchBytes: int32(min(e.config.BufferBytes/8, 64<<20)),
		Assigned:   e.assigned, Revoked: e.revoked, Lost: e.lost,
	})
	e.consumer, e.group = consumer, consumer
	return err
}

// runLoops runs the goroutines until ctx ends or one of them fails, and ends them in order: no
// more records, last commits, membership.
func (e *Engine) runLoops(ctx context.Context) error {
	polling, stopPolling := context.WithCancel(e.work)
	stop := make(chan struct{})
	var loops, others sync.WaitGroup
	for _, l := range e.loops {
		loops.Go(func() {
			if err := l.run(e.work, stop); err != nil {
				e.fail(err)
			}
		})
	}
	others.Go(func() {
		if err := e.poller.run(polling); err != nil {
			e.fail(err)
		}
	})
	others.Go(func() {
		if err := e.watchTopics(polling); err != nil {
			e.fail(err)
		}
	})
	others.Go(func() { e.watch(polling) })
	others.Go(func() { e.watchInputs(polling) })
	for _, g := range e.globals {
		others.Go(func() {
			if err := g.follow(polling); err != nil {
				e.fail(err)
			}
		})
	}
	others.Go(func() { e.purger.run(polling) })
	others.Go(func() {
		if err := e.standbys.run(polling); err != nil {
			e.fail(err)
		}
	})
	others.Go(func() { e.prober.run(polling) })
	select {
	case <-ctx.Done():
		e.log.Info("stopping")
	case <-e.work.Done():
	}
	stopPolling()
	others.Wait()
	tooLong := time.AfterFunc(e.config.StopTimeout, func() {
		e.fail(fmt.Errorf("the last commit did not end within %v of the stop: what it held is processed again", e.config.StopTimeout))
	})
	close(stop)
	loops.Wait()
	tooLong.Stop()
	failure := context.Cause(e.work)
	// Opening tasks and rebalance callbacks end with the work.
	e.fail(errStopped)
	failure = cmp.Or(failure, e.closeTasks())
	e.abortTransactions(ctx)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	e.group.Close(closing)
	return failure
}

var errStopped = errors.New("the engine has stopped")

// abortTransactions ends what is still open, after a failure or because there was no membership to
// commit with, so that readers need not wait for it to time out.
func (e *Engine) abortTransactions(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	for _, l := range e.loops {
		if err := l.producer.Abort(ctx); err != nil {
			e.log.Warn("a transaction stays open until it times out", "loop", l.index, "error", err)
		}
	}
}

// closeTasks ends the processors of every task that has its local state open, and flushes and closes
// that. The loops have ended. Each error is logged, the first one returned.
func (e *Engine) closeTasks() (first error) {
	e.mu.Lock()
	e.ended = true
	open := slices.Collect(maps.Keys(e.unclosed))
	e.mu.Unlock()
	for _, a := range open {
		a.cancel()
		<-a.opened
		if err := a.closeSpace(); err != nil {
			e.log.Error("closing failed", "error", err)
			first = cmp.Or(first, err)
		}
	}
	e.standbys.close()
	return first
}

// closeSpace ends the task's processors, and flushes and closes its local state, once. It belongs to
// whoever has the task.
func (a *assignment) closeSpace() error {
	a.engine.mu.Lock()
	mine := a.engine.unclosed[a]
	delete(a.engine.unclosed, a)
	a.engine.mu.Unlock()
	if !mine {
		return nil
	}
	a.lifecycle.to(TaskClosed)
	a.engine.closed.Add(1)
	if a.space == nil {
		return nil
	}
	var closing error
	if a.task != nil {
		closing = a.task.Close()
	}
	a.engine.held.noteClosed(a.id, a.space)
	// What was restored or applied is committed data: it stays.
	if err := errors.Join(a.space.Flush(), a.space.Close()); err != nil {
		return errors.Join(closing, fmt.Errorf("task %s: close state: %w", a.id, err))
	}
	return closing
}

// progress notes that something happened.
func (e *Engine) progress() { e.busy.Store(time.Now().UnixNano()) }

// watch says what is waited for while this instance has no task that runs.
func (e *Engine) watch(ctx context.Context) {
	ticker := time.NewTicker(idleAfter)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := e.config.Kafka.Access.Refused(); err != nil {
			e.fail(err)
			return
		}
		if time.Since(time.Unix(0, e.busy.Load())) < idleAfter {
			continue
		}
		for _, l := range e.loops {
			if doing := l.doing.Load(); doing != nil {
				e.log.Info("nothing to process", "waiting_for", "brokers", "loop", l.index, "while", *doing)
			}
		}
		if !e.group.Member().Joined() {
			e.log.Info("nothing to process", "waiting_for", "the group coordinator to let this instance join", "group", e.config.ApplicationID)
			continue
		}
		e.mu.Lock()
		tasks, opening := len(e.assignments), 0
		for _, a := range e.assignments {
			if a.lifecycle.state() != TaskRunning {
				opening++
			}
		}
		e.mu.Unlock()
		if tasks == 0 {
			e.log.Info("nothing to process", "waiting_for", "tasks: the group has none for this instance", "group", e.config.ApplicationID)
		} else if opening > 0 {
			e.log.Info("nothing to process", "waiting_for", "tasks to be restored", "tasks", opening)
		}
	}
}

// highWater is how much may wait of one partition before it is paused, lowWater when it goes on:
// the client throws away what it had buffered for a paused partition, so the two are far apart.
func (e *Engine) highWater() int64 {
	return max(e.config.BufferBytes/max(e.partitions.Load(), 1), 64<<10)
}

func (e *Engine) lowWater() int64 { return e.highWater() / 4 }

// openSpace opens the local state of a task: on disk if one of its stores is.
func (e *Engine) openSpace(id record.TaskID) (*store.Space, error) {
	dir := ""
	for _, s := range e.config.Plan.Subtopologies[id.Subtopology].Stores {
		if s.InMemory {
			continue
		}
		var err error
		if dir, err = e.config.TaskDir(id); err != nil {
			return nil, fmt.Errorf("task %s: %w", id, err)
		}
		break
	}
	space, err := store.OpenSpace(store.SpaceConfig{Dir: dir, FS: e.config.Probe.fs(), Shared: e.config.Shared, Logger: e.log})
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", id, err)
	}
	return space, nil
}
