package pitwheel

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/pitwheel/pitwheel/internal/reactor"
	"github.com/pitwheel/pitwheel/internal/statedir"
	"github.com/pitwheel/pitwheel/metrics"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/topology"
)

// App runs a plan as one instance of an application.
type App struct {
	plan      *topology.Plan
	config    Config
	lifecycle lifecycle
	engine    atomic.Pointer[reactor.Engine]
}

// New checks the config and makes an app; it touches neither disk nor network. It sets the plan's
// processors up and closes them again, in a trial with empty stores and without records, so that a
// processor which opens what it is not connected with shows here. Error: all that is wrong with the
// config, each problem wrapping ErrConfig; or what the processors got wrong, each naming the step.
func New(plan *topology.Plan, c Config) (*App, error) {
	if plan == nil {
		return nil, fmt.Errorf("%w: the plan is nil: give what Builder.Build returned", ErrConfig)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := reactor.Try(plan.Compiled(), c.ApplicationID, c.Logger); err != nil {
		return nil, fmt.Errorf("pitwheel: the plan's processors cannot be set up: %w", err)
	}
	return &App{plan: plan, config: c}, nil
}

// ErrRun is returned by a second Run of an app.
var ErrRun = errors.New("pitwheel: an app runs once")

// Run works until ctx ends, then commits, closes and returns nil; or until the first error that
// policies do not let pass, which it returns.
func (a *App) Run(ctx context.Context) error {
	told, ok := a.lifecycle.start(a.config.OnStateChange)
	if !ok {
		return ErrRun
	}
	defer told()
	err := a.run(ctx)
	if err != nil {
		a.lifecycle.to(Failed)
		a.config.Logger.Error("app failed", "application", a.config.ApplicationID, "error", err)
		return err
	}
	a.lifecycle.to(Closing)
	a.lifecycle.to(Closed)
	return nil
}

func (a *App) run(ctx context.Context) (err error) {
	probe := reactor.ProbeOf(ctx)
	dir, loops, err := a.openDir(probe)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	shared := store.NewShared(a.config.MemoryLimit/2, a.config.MemoryLimit/4)
	defer func() { err = errors.Join(err, shared.Close()) }()
	instance := a.config.InstanceID
	if instance == "" {
		instance = dir.Identity().Instance
	}
	config := a.engineConfig(instance, loops, dir, shared)
	config.Probe, config.Kafka.Dial = probe, probe.Network()
	engine := reactor.New(config)
	a.engine.Store(engine)
	stop := context.AfterFunc(ctx, func() { a.lifecycle.to(Closing) })
	defer stop()
	return engine.Run(ctx)
}

// openDir opens the state directory, and says how many loops there are.
func (a *App) openDir(probe *reactor.Probe) (dir *statedir.Dir, loops int, err error) {
	way := probe.Begin(reactor.Moment{})
	defer func() { way.End(err) }()
	way.Enter(reactor.StartDirectory)
	if dir, err = statedir.Open(a.config.StateDir, a.config.ApplicationID); err != nil {
		return nil, 0, err
	}
	if how := dir.Exposed(); how != "" {
		a.config.Logger.Warn("the state directory is not for this user alone", "directory", a.config.StateDir, "because", how,
			"fix", "chmod 700, or a directory that the app makes itself")
	}
	if a.config.Guarantee != ExactlyOnce {
		return dir, a.config.Loops, nil
	}
	// Transactional ids are those of the loops. All that were ever used are fenced at start, so
	// there are as many loops.
	way.Enter(reactor.StartLoops)
	if loops, err = dir.UseLoops(a.config.Loops); err != nil {
		return nil, 0, errors.Join(err, dir.Close())
	}
	return dir, loops, nil
}

func (a *App) engineConfig(instance string, loops int, dir *statedir.Dir, shared *store.Shared) reactor.Config {
	c := a.config
	return reactor.Config{
		Plan: a.plan.Compiled(), ApplicationID: c.ApplicationID, InstanceID: instance,
		TaskDir: dir.Task, TaskDirs: dir.Tasks, Standbys: c.Standbys,
		GlobalDir: dir.Global, TaskNote: dir.TaskNote, KeepTaskNote: dir.KeepTaskNote,
		ExactlyOnce: c.Guarantee == ExactlyOnce, Policies: c.OnError,
		CommitInterval: c.CommitInterval, TaskIdle: c.TaskIdle, FlushInterval: c.FlushInterval, FlushBytes: 64 << 20,
		StopTimeout: c.StopTimeout, TransactionTimeout: max(10*time.Second, 3*c.CommitInterval), SessionTimeout: c.SessionTimeout,
		Loops: loops, BufferBytes: min(c.MemoryLimit/4, maxBuffer),
		Kafka: c.kafka(), Codec: codecs[c.Compression], Shared: shared, Logger: c.Logger, MaxErrors: c.MaxErrors,
		RepairHung: c.HungTransactions == RepairHung, CreateTopics: c.Topics == CreateTopics, Replication: c.Replication, LeaveOnStop: c.LeaveOnStop,
		Tracer: c.Tracer, WatchSteps: c.StepMetrics, TimeSteps: c.TraceSteps && c.Tracer != nil,
		OnRunning: func(all bool) {
			if all {
				a.lifecycle.to(Running)
			} else {
				a.lifecycle.to(Rebalancing)
			}
		},
		OnRestore: func(r reactor.Restoring) {
			if c.OnRestore != nil {
				c.OnRestore(Restore{
					Task: r.Task, Event: RestoreEvent(r.Event), Store: r.Store, Topic: r.Partition.Topic,
					From: r.From, Position: r.Position, End: r.End, Records: r.Records, Took: r.Took,
				})
			}
		},
	}
}

// State is where the app is in its life.
func (a *App) State() State { return a.lifecycle.state() }

// Standbys are the tasks whose state this instance keeps a copy of, and about how many changelog
// records each copy is behind. Kafka Streams: allLocalStorePartitionLags.
func (a *App) Standbys() map[record.TaskID]int64 {
	if e := a.engine.Load(); e != nil {
		return e.Standbys()
	}
	return map[record.TaskID]int64{}
}

// Metrics are what the app has counted and measured, as of its loops' last commits; see package metrics.
// Reading them holds nothing up. It may be called at any time.
func (a *App) Metrics() metrics.Snapshot {
	e := a.engine.Load()
	if e == nil {
		return metrics.Snapshot{At: time.Now(), Application: a.config.ApplicationID, State: a.State().String(), StreamTime: -1}
	}
	s := e.Metrics()
	s.State = a.State().String()
	return s
}
