package reactor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/changelog"
	"github.com/pitwheel/pitwheel/internal/kafka"
	"github.com/pitwheel/pitwheel/internal/planted"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// open makes a task that was assigned: reliability of the state rests on the order of its steps.
//
//  0. No transaction of the last owner stands open: see holdUp.
//  1. The committed offsets, stable: no transaction of the partition is pending any more.
//  2. Then the changelogs' ends, committed or not: a committed transaction whose marker is not
//     written yet stands before them (KAFKA-10167). Listed before step 1 they could miss the last
//     transaction of the previous owner.
//  3. Local state, whatever prefix of it survived; compared with what 1 and 2 said.
//  4. Replay from local state's position to the ends, committed records only.
//  5. Start behind the committed offsets.
func (e *Engine) open(ctx context.Context, a *assignment) (restored Restoring, err error) {
	begin := time.Now()
	restored = Restoring{Task: a.id, Event: RestoreDone}
	a.restoring.began.Store(begin.UnixNano())
	defer func() { a.restoring.ended.Store(time.Now().UnixNano()) }()
	way := e.config.Probe.Begin(Moment{Task: a.id})
	defer func() { way.End(err) }()
	way.Enter(RestoreOpen)
	if err := e.openStores(a); err != nil {
		return restored, err
	}
	task := a.task
	task.bind()
	if e.config.ExactlyOnce {
		way.Enter(RestoreFence)
	}
	if err := e.awaitHandOver(ctx, task); err != nil { // 0
		return restored, err
	}
	way.Enter(RestoreOffsets)
	proof, err := e.proof(ctx, task) // 1
	if err != nil {
		return restored, err
	}
	way.Enter(RestoreIdentify)
	if err := e.identify(task, proof); err != nil {
		return restored, fmt.Errorf("task %s: %w", a.id, err)
	}
	way.Enter(RestoreEnds)
	local, err := e.local(ctx, task, a.warm != nil) // 2, 3
	if err != nil {
		return restored, err
	}
	way.Enter(RestoreCheck)
	from, err := proof.Check(local)
	if err != nil {
		return restored, fmt.Errorf("task %s: %w", a.id, err)
	}
	a.lifecycle.to(TaskRestoring)
	if err := e.discard(task, proof, local, from); err != nil {
		return restored, err
	}
	way.Enter(RestoreReplay)
	positions := from
	if len(from) > 0 {
		restored.Records, positions, err = e.replay(ctx, a, proof, from, local.Ends) // 4
		if err != nil {
			return restored, fmt.Errorf("restore task %s: %w", a.id, err)
		}
	}
	reread, err := e.reread(ctx, a, proof, local)
	if err != nil {
		return restored, fmt.Errorf("restore task %s: %w", a.id, err)
	}
	restored.Records += reread
	way.Enter(RestoreSettle)
	if err := e.settle(a, proof, positions, restored.Records); err != nil {
		return restored, err
	}
	restored.Took = time.Since(begin)
	way.Enter(RestoreStart)
	if err := e.startTask(ctx, task, proof, positions); err != nil { // 5
		return restored, err
	}
	e.log.Info("task restored", "task", a.id, "records", restored.Records, "took", restored.Took.Round(time.Microsecond), "commit", proof.Seq)
	return restored, nil
}

// openStores opens local state, unless a standby has: then its stores are as it left them.
func (e *Engine) openStores(a *assignment) (err error) {
	if a.space == nil {
		a.warm = nil
		if a.space, err = e.openSpace(a.id); err != nil {
			return err
		}
	}
	if a.task == nil {
		a.task, err = openTask(e.taskConfig(a.id, a.space))
	}
	if a.task != nil {
		a.task.config.Owner, a.task.config.Matched = a.owner, a.inputs.matched
	}
	return err
}

func (e *Engine) taskConfig(id record.TaskID, space *store.Space) TaskConfig {
	return TaskConfig{
		ID: id, ApplicationID: e.config.ApplicationID, Subtopology: e.config.Plan.Subtopologies[id.Subtopology],
		Policies: e.config.Policies, Space: space, Logger: e.log, Tracer: e.config.Tracer, Context: e.work,
		Idle:       e.config.TaskIdle,
		WatchSteps: e.config.WatchSteps, TimeSteps: e.config.TimeSteps,
		Topic:   func(name string) *processor.Topic { return e.topics().lookup(e.work, name) },
		Globals: e.lookGlobal, Errors: e.errors, Done: kafka.Recycle,
	}
}

// discard empties the stores whose rows must not be gone on from, and has them replayed from the
// beginning: those without a changelog that are not as of the last commit, those whose changelog has
// forgotten windows since, and those so old that it may have forgotten deletions since.
func (e *Engine) discard(t *Task, p Proof, l Local, from map[string]int64) error {
	age := time.Since(l.At.Time())
	for _, s := range t.config.Subtopology.Stores {
		at, start := l.Positions[s.Name], l.Starts[s.Name]
		var why string
		switch {
		case s.Source != "": // see reread
			continue
		case !s.Logged && l.Seq > 0 && l.Seq != p.Seq:
			why = "it has no changelog and is not as of the last commit"
		case s.Logged && at > 0 && l.Windows[s.Name] && at < start:
			why = "its changelog has dropped windows since"
		case s.Logged && at > 0 && !l.Windows[s.Name] && l.At > 0 && age > e.topics().deletions(s.Name)/2:
			why = fmt.Sprintf("it was last committed to %v ago and its changelog keeps deletions for %v", age.Round(time.Second), e.topics().deletions(s.Name))
		default:
			continue
		}
		e.log.Warn("local state is dropped", "task", t.ID, "store", s.Name, "because", why)
		if err := t.space.Clear(s.Name); err != nil {
			return fmt.Errorf("task %s: %w", t.ID, err)
		}
		if s.Logged {
			from[s.Name] = start
		}
	}
	return nil
}

// settle notes what local state now stands for, and puts what was replayed on disk: else a second
// crash would replay it again.
func (e *Engine) settle(a *assignment, p Proof, positions map[string]int64, replayed int64) error {
	if p.Seq > 0 {
		at := record.TimeOf(time.Now())
		if err := a.space.Apply(nil, store.Checkpoint{Seq: p.Seq, Positions: positions, At: at}); err != nil {
			return fmt.Errorf("task %s: %w", a.id, err)
		}
	}
	if replayed > 0 {
		if err := a.space.Flush(); err != nil {
			return fmt.Errorf("restore task %s: %w", a.id, err)
		}
	}
	return nil
}

// proof asks for the committed offsets of the task's inputs.
func (e *Engine) proof(ctx context.Context, t *Task) (Proof, error) {
	of, err := e.committed(ctx, t.Inputs())
	if err != nil {
		return Proof{}, err
	}
	return ReadProof(of)
}

// committed asks for the committed offsets of inputs. One that has none is left out.
func (e *Engine) committed(ctx context.Context, inputs []record.Partition) (map[record.Partition]CommittedOffset, error) {
	committed, err := e.admin.Committed(ctx, e.config.ApplicationID, inputs)
	if err != nil {
		return nil, err
	}
	of := make(map[record.Partition]CommittedOffset, len(committed))
	for p, c := range committed {
		of[p] = CommittedOffset{At: c.Offset, Metadata: c.Metadata}
	}
	return of, nil
}

// local is where local state and the changelogs stand. Stores in memory have nothing, unless a
// standby has kept them.
func (e *Engine) local(ctx context.Context, t *Task, warm bool) (Local, error) {
	checkpoint := t.space.Checkpoint()
	l := Local{
		Seq: checkpoint.Seq, At: checkpoint.At, Positions: checkpoint.Positions, ExactlyOnce: e.config.ExactlyOnce,
		Volatile: map[string]bool{}, Windows: map[string]bool{},
		Starts: map[string]int64{}, Ends: map[string]int64{},
	}
	changelogs := t.Changelogs()
	var of []record.Partition
	for _, s := range t.config.Subtopology.Stores {
		l.Volatile[s.Name], l.Windows[s.Name] = s.InMemory && !warm, s.Kind.Expires()
		if p, ok := changelogs[s.Name]; ok {
			of = append(of, p)
		}
	}
	ends, err := e.admin.Ends(ctx, of)
	if planted.RestoreToStable {
		ends, err = e.admin.StableEnds(ctx, of)
	}
	if err != nil {
		return l, err
	}
	starts, err := e.admin.Starts(ctx, of)
	for name, p := range changelogs {
		l.Starts[name], l.Ends[name] = starts[p], ends[p]
	}
	return l, err
}

// replay applies the committed records of the changelogs from the positions on, to their ends, and
// returns the positions that state then stands at.
func (e *Engine) replay(
	ctx context.Context, a *assignment, proof Proof, from, ends map[string]int64,
) (records int64, positions map[string]int64, err error) {
	r := replayer{
		engine: e, assignment: a, proof: proof, ends: ends,
		stores: map[record.Partition]string{}, read: maps.Clone(from), reached: maps.Clone(from),
	}
	at := map[record.Partition]int64{}
	for name, p := range a.task.Changelogs() {
		if from[name] < ends[name] {
			r.stores[p], at[p] = name, from[name]
		}
	}
	if err := r.run(ctx, at); err != nil {
		return r.records, nil, err
	}
	return r.records, r.reached, nil
}

// run reads the partitions from those offsets to their ends.
func (r *replayer) run(ctx context.Context, from map[record.Partition]int64) (err error) {
	if len(from) == 0 {
		return nil
	}
	reader, err := kafka.NewReader(r.engine.config.Kafka, from)
	if err != nil {
		return err
	}
	defer reader.Close()
	r.reader = reader
	r.began()
	defer func() {
		if err != nil {
			r.suspended()
		}
	}()
	for !r.done() {
		polls := r.polls
		pollCtx, cancel := context.WithTimeout(ctx, time.Second)
		err := reader.Poll(pollCtx, r.apply)
		cancel()
		if err := firstError(err, r.err, ctx.Err()); err != nil {
			return err
		}
		if r.polls == polls {
			if err := r.standStill(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// replayer applies what a reader brings.
type replayer struct {
	engine     *Engine
	reader     *kafka.Reader
	assignment *assignment
	proof      Proof
	ends       map[string]int64
	stores     map[record.Partition]string // whose changelogs are read
	read       map[string]int64            // the position behind what was read
	reached    map[string]int64            // the position that state stands at
	sources    map[string]*sourceRows      // by store, in place of its changelog
	restores   map[string]*storeRestore    // by store, to tell of
	records    int64
	noted      int64 // of records
	polls      int   // that brought something
	warned     time.Time
	holdUp     *holdUp // nil: none yet
	err        error
}

func (r *replayer) done() bool {
	for name, end := range r.ends {
		if r.read[name] < end {
			return false
		}
	}
	return true
}

func (r *replayer) apply(f kafka.Fetched) {
	name := r.stores[f.Partition]
	if r.err != nil || name == "" {
		return
	}
	r.polls++
	if source := r.sources[name]; source != nil {
		r.err = r.applySource(name, source, f)
		return
	}
	rows, err := r.assignment.task.rows(name, f)
	for i := range f.Records {
		if err == nil && r.engine.config.ExactlyOnce {
			err = r.proof.Stray(name, f.Records[i].Offset)
		}
	}
	if err != nil {
		r.err = fmt.Errorf("topic %q partition %d: %w", f.Partition.Topic, f.Partition.ID, err)
		return
	}
	r.records += int64(len(rows))
	r.err = r.advance(name, rows, f.Next)
}

// rows are what a fetch of a store's changelog has for the store.
func (t *Task) rows(of string, f kafka.Fetched) ([]store.FrozenEntry, error) {
	rows := make([]store.FrozenEntry, 0, len(f.Records))
	var keys store.RowKeys
	for _, s := range t.config.Subtopology.Stores {
		if s.Name == of {
			keys = s.Kind.Keys()
		}
	}
	for i := range f.Records {
		row, err := changelog.Row(keys, &f.Records[i])
		if err != nil {
			return nil, fmt.Errorf("%w: %w: somebody else writes to the changelog of store %q: find out who and stop it, then restore the topic, or %s",
				ErrDiverged, err, of, resetAll)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// advance puts rows into the store, with the position they bring it to.
func (r *replayer) advance(name string, rows []store.FrozenEntry, next int64) error {
	r.read[name] = next
	at := int64(0)
	if r.sources[name] == nil { // else its position is that of its input, which is committed
		at = max(r.reached[name], r.proof.Reached(name, next, r.engine.config.ExactlyOnce))
		r.reached[name] = at
		r.engine.held.note(r.assignment.id, name, next)
	}
	r.engine.progress()
	err := r.assignment.space.Restore(name, rows, at)
	r.advanced(name)
	return err
}

// standStill is called when a poll brought nothing. Where all transactions are decided, and the
// leader itself has no record up to the end, none will come: compaction took them. Else somebody's
// transaction is open, or a broker is slow, and is waited for.
func (r *replayer) standStill(ctx context.Context) error {
	var of []record.Partition
	for p, name := range r.stores {
		if r.read[name] < r.ends[name] {
			of = append(of, p)
		}
	}
	stable, err := r.engine.admin.StableEnds(ctx, of)
	if err != nil {
		return err
	}
	open := slices.DeleteFunc(slices.Clone(of), func(p record.Partition) bool { return stable[p] >= r.ends[r.stores[p]] })
	if len(open) > 0 && r.engine.config.ExactlyOnce { // somebody who slept has woken up behind step 0
		if r.holdUp == nil {
			r.holdUp = r.engine.newHoldUp(r.assignment.task)
		}
		r.holdUp.act(ctx, open, nil)
	}
	for _, p := range of {
		name := r.stores[p]
		why := error(nil)
		if stable[p] >= r.ends[name] {
			silent, err := r.reader.Silent(ctx, p, r.read[name], r.ends[name])
			if silent {
				if err := r.advance(name, nil, r.ends[name]); err != nil {
					return err
				}
				continue
			}
			why = err
		}
		if time.Since(r.warned) > 5*time.Second {
			r.warned = time.Now()
			r.engine.log.Warn("restore waits for the brokers or for an open transaction", "task", r.assignment.id, "topic", p.Topic,
				"partition", p.ID, "position", r.read[name], "stable_end", stable[p], "end", r.ends[name], "error", why)
		}
	}
	return nil
}

// startTask puts the task behind the committed offsets and tells it what is there to be read.
func (e *Engine) startTask(ctx context.Context, t *Task, p Proof, positions map[string]int64) error {
	inputs := t.Inputs()
	ends, err := e.admin.StableEnds(ctx, inputs)
	if err != nil {
		return err
	}
	starts, err := e.admin.Starts(ctx, inputs)
	if err != nil {
		return err
	}
	err = t.Start(p, positions, func(of record.Partition) (int64, error) {
		return e.reset(of, starts[of], ends[of])
	})
	if err != nil {
		return fmt.Errorf("task %s: %w", t.ID, err)
	}
	for _, in := range t.inputs {
		if in.next < starts[in.partition] {
			return fmt.Errorf("task %s: topic %q partition %d begins at offset %d, but is processed up to %d: records between are lost; to accept that, set the group's offset to %d",
				t.ID, in.partition.Topic, in.partition.ID, starts[in.partition], in.next, starts[in.partition])
		}
		in.end = ends[in.partition]
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
