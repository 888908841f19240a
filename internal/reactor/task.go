package reactor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/tracing"
)

// TaskConfig is what a task is made of.
type TaskConfig struct {
	ID            record.TaskID
	ApplicationID string
	Subtopology   *plan.Subtopology
	Policies      processor.ErrorPolicies // the app's
	Errors        *ErrorLimit             // that policies let pass; nil: no limit
	Owner         int64                   // of this opening of the task, to know its own commits by
	Space         *store.Space            // the task's own; it is closed by whoever opened it
	Logger        *slog.Logger
	Now           func() record.Time // the wall clock; nil: the machine's
	Tracer        tracing.Tracer     // nil: off
	Context       context.Context    // of what processors begin; nil: context.Background
	Idle          time.Duration      // how long an input without records is waited for; negative: not even if it has some
	WatchSteps    bool               // count what passes each step
	TimeSteps     bool               // and make a span of what each did in a turn

	// Topic is a topic by its full name. The topics of the plan must be known.
	Topic func(name string) *processor.Topic
	// Globals finds a global store by its name; nil: there are none.
	Globals func(name string) (*plan.Store, *store.Committed)
	// Whole says that all partitions of the topics are the task's inputs, in place of its own.
	Whole bool
	// Done takes back records that were fed, once they are processed: their slice, not their bytes. Nil: nobody
	// wants them.
	Done func([]record.Raw)
	// Matched are the topics of sources with a pattern.
	Matched map[*plan.Node][]string
}

// Task is one subtopology of one partition: its reactor, a state machine that owns its buffers,
// operators, timers and stores. Step processes what was fed, Punctuate does what is due by the wall clock, Freeze says what is to be committed, Apply or
// Abort ends that.
type Task struct {
	ID record.TaskID

	config     TaskConfig
	inputs     []*input // in the order of source nodes, then topics
	sources    map[*plan.Node]processor.NewSource
	bound      bound
	space      *store.Space
	stores     []*taskStore
	outputs    processor.Outputs
	flushes    []func() error // of record caches, before each commit
	aheads     []func(at record.Time, keys [][]byte)
	keys       [aheadRecords][]byte // for aheads
	streamTime record.Time          // the highest event time processed; -1: none
	marks      map[string]*record.Time

	punctuations *punctuations
	punctuated   bool // a punctuation has put something out since the last Freeze

	current  *input // whose head is being loaded or processed; nil during a flush
	failures failureLog
	counters Counters
	counted  Counters           // as of the last commit: an abort goes back to them
	batches  *batches           // nil: not traced
	watches  []*processor.Watch // of the nodes in their order; nil: not watched

	belongs   belonging        // what its state belongs to
	seq       int64            // of the last commit
	positions map[string]int64 // by logged store: the changelog offset after its last record
	committed map[record.Partition]int64
	starts    map[record.Partition]int64 // where inputs without a committed offset were found to start
	rotation  int32                      // chooses partitions for records without a key
}

// taskStore is a store in its task.
type taskStore struct {
	plan      *plan.Store
	state     store.State
	changelog *processor.Topic // nil: not logged
}

// NewTask opens the stores in the space and binds the steps. Start must follow, and in the end Close.
// Error: a store cannot be opened.
func NewTask(c TaskConfig) (*Task, error) {
	t, err := openTask(c)
	if err != nil {
		return nil, err
	}
	t.bind()
	return t, nil
}

// openTask opens the stores and binds no steps: all that a standby needs.
func openTask(c TaskConfig) (*Task, error) {
	c.setDefaults()
	t := &Task{
		ID: c.ID, config: c, space: c.Space, streamTime: -1, punctuations: &punctuations{},
		sources:   map[*plan.Node]processor.NewSource{},
		marks:     map[string]*record.Time{},
		positions: map[string]int64{},
		committed: map[record.Partition]int64{},
		starts:    map[record.Partition]int64{},
	}
	t.counters.Dropped = map[processor.Reason]int64{}
	t.counted = t.Counters()
	t.failures.log = c.Logger
	t.batches = newBatches(t)
	for _, s := range c.Subtopology.Stores {
		ts := &taskStore{plan: s, state: s.Open(c.Space)}
		if s.Logged {
			ts.changelog = c.Topic(plan.ChangelogTopic(c.ApplicationID, s.Name))
		}
		t.countRefusals(ts)
		t.stores = append(t.stores, ts)
	}
	if err := c.Space.Err(); err != nil {
		return nil, fmt.Errorf("task %s: %w", c.ID, err)
	}
	return t, nil
}

// countRefusals has the writes counted that a store of processors refuses. The record itself goes
// on, so that no policy is asked.
func (t *Task) countRefusals(s *taskStore) {
	refusing, ok := s.state.(interface{ OnRefused(f func()) })
	if !ok {
		return
	}
	f := processor.Failure{
		Reason: processor.Expired, Offset: -1,
		Err: fmt.Errorf("store %q refused a write: its time is beyond the retention", s.plan.Name),
	}
	refusing.OnRefused(func() {
		t.counters.Dropped[processor.Expired]++
		t.failures.note(t.ID, &f)
	})
}

// Inputs are the task's input partitions.
func (t *Task) Inputs() []record.Partition {
	of := make([]record.Partition, len(t.inputs))
	for i, in := range t.inputs {
		of[i] = in.partition
	}
	return of
}

// Changelogs are the changelog partitions of the task's logged stores, by store.
func (t *Task) Changelogs() map[string]record.Partition {
	of := map[string]record.Partition{}
	for _, s := range t.stores {
		if s.changelog != nil {
			of[s.plan.Name] = record.Partition{Topic: s.changelog.Name, ID: t.ID.Partition}
		}
	}
	return of
}

// Store is the opened store of that name; nil if there is none.
func (t *Task) Store(name string) store.State {
	for _, s := range t.stores {
		if s.plan.Name == name {
			return s.state
		}
	}
	return nil
}

// StreamTime is the highest event time processed; -1 before the first.
func (t *Task) StreamTime() record.Time { return t.streamTime }

// Feed gives the task what was fetched of an input partition: next is the position behind it, end
// the last stable offset that is known.
func (t *Task) Feed(of record.Partition, records []record.Raw, next, end int64) {
	if in := t.input(of); in != nil {
		in.feed(records, next, end)
	}
}

// BufferedBytes is about what the records fed and not yet processed take of an input partition.
func (t *Task) BufferedBytes(of record.Partition) int {
	if in := t.input(of); in != nil {
		return in.bytes
	}
	return 0
}

func (t *Task) input(of record.Partition) *input {
	for _, in := range t.inputs {
		if in.partition == of {
			return in
		}
	}
	return nil
}

// TakeOutputs hands out, in order, what the steps put out since the last call. Records without a
// key get a partition here, in turn.
func (t *Task) TakeOutputs() []processor.Output {
	out := t.outputs.Records
	t.outputs.Records = nil
	if len(out) == 0 {
		return nil
	}
	t.counters.Out += int64(len(out))
	t.rotation++
	for i := range out {
		if out[i].Partition < 0 {
			out[i].Partition = t.rotation % max(out[i].Topic.Partitions, 1)
		}
	}
	if t.batches != nil {
		t.batches.stamp(out)
	}
	return out
}

// bind makes the steps' closures, children before parents, and the sources of the inputs.
func (t *Task) bind() {
	t.bound = t.newBound()
	bound := map[*plan.Node]any{}
	watches := t.watch()
	for _, n := range slices.Backward(t.config.Subtopology.Nodes) {
		children := make([]any, len(n.Children))
		for i, child := range n.Children {
			children[i] = bound[child]
			if w, ok := bound[child].(processor.Watchable); ok && watches != nil {
				children[i] = w.Watch(processor.Edge{From: watches[n], To: watches[child]})
			}
		}
		bound[n] = n.Bind(binder{t}, children)
	}
	// Record caches are flushed parents first: what they emit may fill those behind.
	slices.Reverse(t.flushes)
	for _, n := range t.config.Subtopology.Nodes {
		if n.Kind != plan.Source {
			continue
		}
		t.sources[n] = bound[n].(processor.NewSource)
		for _, topic := range n.TopicNames(t.config.ApplicationID, t.config.Matched[n]) {
			t.Read(n, topic)
		}
	}
}

// watch makes what counts at each step; nil if they are not watched.
func (t *Task) watch() map[*plan.Node]*processor.Watch {
	t.watches = nil
	if !t.config.WatchSteps && !t.config.TimeSteps {
		return nil
	}
	of := map[*plan.Node]*processor.Watch{}
	for _, n := range t.config.Subtopology.Nodes {
		of[n] = &processor.Watch{Timed: t.config.TimeSteps}
		t.watches = append(t.watches, of[n])
	}
	return of
}

// Read adds a source's topic to the inputs, from its beginning, if it has the task's partition. It is
// for topics of sources with a pattern that turn up while the task runs; the others are read from
// the start.
func (t *Task) Read(n *plan.Node, topic string) {
	first, last := t.ID.Partition, t.ID.Partition
	if t.config.Whole {
		first, last = 0, t.config.Topic(topic).Partitions-1
	}
	for id := first; id <= min(last, t.config.Topic(topic).Partitions-1); id++ {
		t.inputs = append(t.inputs, &input{
			partition: record.Partition{Topic: topic, ID: id},
			node:      n,
			source:    t.sources[n](topic),
			policies:  n.OnError,
			done:      t.config.Done,
			time:      -1,
		})
	}
}
