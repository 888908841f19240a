package reactor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// global is what a ProcessGlobal keeps on this instance: a task of all partitions of its topic that is in
// no group, commits nothing to Kafka and puts nothing out. Its rows are applied after each batch, and
// tasks read what was applied. Its position stands with its rows. Kafka Streams: GlobalStateUpdateTask,
// GlobalStreamThread.
type global struct {
	engine  *Engine
	sub     *plan.Subtopology
	space   *store.Space
	task    *Task
	reader  *kafka.Reader
	keys    map[record.Partition]string // of the positions in the checkpoint
	ends    map[record.Partition]int64  // as they were when it began
	flushed time.Time
	touched time.Time // when the checkpoint was last of then
}

// openGlobals opens the global stores and fills them to the ends that their topics have now.
func (e *Engine) openGlobals(ctx context.Context) error {
	for _, sub := range e.config.Plan.Globals {
		g := &global{engine: e, sub: sub, flushed: time.Now()}
		e.globals = append(e.globals, g)
		begin := time.Now()
		if err := g.open(ctx); err != nil {
			return fmt.Errorf("global store %q: %w", g.name(), err)
		}
		if err := g.fill(ctx); err != nil {
			return fmt.Errorf("fill global store %q: %w", g.name(), err)
		}
		e.log.Info("global store filled", "store", g.name(), "records", g.task.Counters().In, "took", time.Since(begin).Round(time.Microsecond))
	}
	e.filled.Store(&e.globals)
	return nil
}

// globalRows are the committed rows of a global store, for any goroutine.
func (e *Engine) globalRows(name string) (*store.Committed, error) {
	all := e.filled.Load()
	if all == nil {
		return nil, store.ErrRestoring
	}
	for _, g := range *all {
		if of := g.space.Committed(name); of != nil {
			return of, nil
		}
	}
	return nil, store.ErrUnknown
}

func (g *global) name() string {
	names := make([]string, len(g.sub.Stores))
	for i, s := range g.sub.Stores {
		names[i] = s.Name
	}
	slices.Sort(names)
	return strings.Join(names, "+")
}

// lookGlobal is a global store by its name; nil: there is none.
func (e *Engine) lookGlobal(name string) (*plan.Store, *store.Committed) {
	for _, g := range e.globals {
		for _, s := range g.sub.Stores {
			if s.Name == name && g.space != nil {
				return s, g.space.Committed(name)
			}
		}
	}
	return nil, nil
}

// open opens local state, and starts behind what it stands for.
func (g *global) open(ctx context.Context) (err error) {
	e, dir := g.engine, ""
	// What is in memory is read from the beginning, and so is what stands beside it.
	if !slices.ContainsFunc(g.sub.Stores, func(s *plan.Store) bool { return s.InMemory }) && e.config.GlobalDir != nil {
		if dir, err = e.config.GlobalDir(g.name()); err != nil {
			return err
		}
	}
	if g.space, err = store.OpenSpace(store.SpaceConfig{Dir: dir, FS: e.config.Probe.fs(), Shared: e.config.Shared, Logger: e.log}); err != nil {
		return err
	}
	g.task, err = NewTask(TaskConfig{
		ApplicationID: e.config.ApplicationID, Subtopology: g.sub, Whole: true, Policies: withoutDeadLetters(e.config.Policies),
		Space: g.space, Logger: e.log, Context: e.work, Globals: e.lookGlobal, Done: kafka.Recycle,
		Topic: func(name string) *processor.Topic { return e.topics().lookup(e.work, name) },
	})
	if err != nil {
		return err
	}
	from, err := g.positions(ctx)
	if err != nil {
		return err
	}
	proof := Proof{Seq: g.space.Checkpoint().Seq, Offsets: map[record.Partition]Offset{}}
	for of, at := range from {
		proof.Offsets[of] = Offset{Partition: of, At: at, Time: -1}
	}
	if err := g.task.Start(proof, nil, nil); err != nil {
		return err
	}
	for _, in := range g.task.inputs {
		in.end = g.ends[in.partition]
	}
	g.reader, err = kafka.NewReader(e.config.Kafka, from)
	return err
}

// withoutDeadLetters are policies of what has no producer: what would be a dead letter is skipped, counted and
// logged.
func withoutDeadLetters(p processor.ErrorPolicies) processor.ErrorPolicies {
	for _, policy := range []*processor.ErrorPolicy{&p.Decode, &p.Process, &p.Dropped} {
		if policy.Action == processor.DeadLetterAction {
			*policy = processor.ErrorPolicy{Action: processor.SkipAction}
		}
	}
	return p
}

// positions is where to read from: behind what local state stands for, if the topic still has what
// follows and is the very same one; else everything is read anew.
func (g *global) positions(ctx context.Context) (map[record.Partition]int64, error) {
	e, inputs := g.engine, g.task.Inputs()
	starts, err := e.admin.Starts(ctx, inputs)
	if err != nil {
		return nil, err
	}
	if g.ends, err = e.admin.Ends(ctx, inputs); err != nil {
		return nil, err
	}
	keeps, err := e.topics().keepsDeletions(ctx, inputs[0].Topic) // it has one
	if err != nil {
		return nil, err
	}
	checkpoint := g.space.Checkpoint()
	age := time.Since(checkpoint.At.Time())
	from, why := make(map[record.Partition]int64, len(inputs)), ""
	g.keys = make(map[record.Partition]string, len(inputs))
	for _, of := range inputs {
		g.keys[of] = fmt.Sprintf("%s/%d@%s", of.Topic, of.ID, hexID(e.topics().id(of.Topic)))
		at, known := checkpoint.Positions[g.keys[of]]
		switch {
		case checkpoint.Seq == 0:
			at = starts[of]
		case !known:
			why = "the topic was made anew, or has other partitions"
		case at > g.ends[of]:
			why = "the topic lost records"
		case at < starts[of]:
			why = "the topic begins behind it"
		case age > keeps/2:
			why = fmt.Sprintf("it is as of %v ago and the topic keeps deletions for %v", age.Round(time.Second), keeps)
		}
		from[of] = max(at, starts[of])
	}
	if why == "" {
		return from, nil
	}
	e.log.Warn("local state of a global store is dropped", "store", g.name(), "because", why)
	for _, s := range g.sub.Stores {
		if err := g.space.Clear(s.Name); err != nil {
			return nil, err
		}
	}
	return starts, nil
}

// fill reads to the ends.
func (g *global) fill(ctx context.Context) error {
	for !g.filled() {
		fed, err := g.poll(ctx, time.Second)
		if err != nil {
			return err
		}
		if !fed {
			if err := g.standStill(ctx); err != nil {
				return err
			}
		}
		if err := g.apply(); err != nil {
			return err
		}
		g.engine.progress()
	}
	return g.space.Flush()
}

func (g *global) filled() bool {
	for _, in := range g.task.inputs {
		if in.next < g.ends[in.partition] {
			return false
		}
	}
	return true
}

// poll feeds what comes within the time.
func (g *global) poll(ctx context.Context, within time.Duration) (fed bool, err error) {
	polling, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err = g.reader.Poll(polling, func(f kafka.Fetched) {
		fed = true
		g.task.Feed(f.Partition, f.Records, f.Next, f.End)
	})
	return fed, firstError(err, ctx.Err())
}

// standStill takes a partition for read whose leader has no record up to the end: compaction took
// the last ones.
func (g *global) standStill(ctx context.Context) error {
	for _, in := range g.task.inputs {
		end := g.ends[in.partition]
		if in.fetched >= end {
			continue
		}
		stable, err := g.engine.admin.StableEnds(ctx, []record.Partition{in.partition})
		if err != nil {
			return err
		}
		if stable[in.partition] < end {
			continue // somebody's transaction is open
		}
		if silent, err := g.reader.Silent(ctx, in.partition, in.fetched, end); silent && err == nil {
			g.task.Feed(in.partition, nil, end, end)
		}
	}
	return nil
}

const globalStep = 1000 // records that are applied at once

// apply processes what was fed and applies it.
func (g *global) apply() error {
	for {
		n, err := g.task.Step(globalStep)
		if err != nil {
			return err
		}
		g.task.TakeOutputs()
		c, err := g.task.Freeze()
		if err != nil {
			return err
		}
		if c != nil {
			positions := make(map[string]int64, len(c.Offsets))
			for _, o := range c.Offsets {
				positions[g.keys[o.Partition]] = o.At
			}
			if err := g.task.Apply(c, positions, record.TimeOf(time.Now())); err != nil {
				return err
			}
		}
		if n < globalStep {
			return nil
		}
	}
}

// follow keeps the stores up to date until ctx ends.
func (g *global) follow(ctx context.Context) error {
	for ctx.Err() == nil {
		fed, err := g.poll(ctx, g.engine.config.FlushInterval)
		if errors.Is(err, ctx.Err()) {
			err = nil // what came before the end is applied
		}
		if err == nil {
			err = g.apply()
		}
		if err == nil && !fed && time.Since(g.touched) > touchEvery {
			err = g.touch()
		}
		if err == nil && time.Since(g.flushed) >= g.engine.config.FlushInterval {
			g.flushed = time.Now()
			err = g.space.Flush()
		}
		if err != nil {
			return fmt.Errorf("global store %q: %w", g.name(), err)
		}
	}
	return nil
}

// touch says that the rows are complete as of now, though nothing came: old ones would not be gone on from.
func (g *global) touch() error {
	g.touched = time.Now()
	c := g.space.Checkpoint()
	if c.Seq == 0 {
		return nil
	}
	c.At = record.TimeOf(g.touched)
	return g.space.Apply(nil, c)
}

// closeGlobals ends what openGlobals began. No task reads any more.
func (e *Engine) closeGlobals() error {
	var errs []error
	for _, g := range e.globals {
		if g.reader != nil {
			g.reader.Close()
		}
		if g.task != nil {
			errs = append(errs, g.task.Close())
		}
		if g.space != nil {
			errs = append(errs, g.space.Flush(), g.space.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close global stores: %w", err)
	}
	return nil
}
