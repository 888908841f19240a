package topology_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/pitwheel/pitwheel/internal/plan"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// task runs one subtopology in memory: enough of an engine to see what a plan is bound to.
type task struct {
	processor.Host // what is not implemented below is not asked for

	t       testing.TB
	space   *store.Space
	stores  map[string]store.State
	sources map[string]processor.Source // by topic
	flushes []func() error
	marks   map[string]*record.Time
	topics  map[string]*processor.Topic
	bound   map[*plan.Node]any
	outputs processor.Outputs
	failed  []processor.Reason
	runtime runtime
}

// runtime is what processors ask of a task.
type runtime struct {
	starts, closes []func() error
	row            record.Time
}

func (r *runtime) ID() record.TaskID                    { return record.TaskID{} }
func (r *runtime) Context() context.Context             { return context.Background() }
func (r *runtime) Logger() *slog.Logger                 { return slog.New(slog.DiscardHandler) }
func (r *runtime) Metadata() (processor.Metadata, bool) { return processor.Metadata{}, false }
func (r *runtime) StreamTime() record.Time              { return -1 }
func (r *runtime) WallClock() record.Time               { return 0 }
func (r *runtime) RowTime() *record.Time                { return &r.row }
func (r *runtime) OnStart(f func() error)               { r.starts = append(r.starts, f) }
func (r *runtime) OnClose(f func() error)               { r.closes = append(r.closes, f) }

func (k *task) Runtime() processor.Runtime { return &k.runtime }

func newTask(t testing.TB, sub *plan.Subtopology) *task {
	t.Helper()
	space, err := store.OpenSpace(store.SpaceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { space.Close() })
	k := &task{
		t: t, space: space, stores: map[string]store.State{}, sources: map[string]processor.Source{},
		marks: map[string]*record.Time{}, topics: map[string]*processor.Topic{}, bound: map[*plan.Node]any{},
	}
	for _, s := range sub.Stores {
		k.stores[s.Name] = s.Open(space)
	}
	bound := map[*plan.Node]any{}
	for _, n := range slices.Backward(sub.Nodes) {
		var children []any
		for _, child := range n.Children {
			children = append(children, bound[child])
		}
		bound[n] = n.Bind(k, children)
		k.bound[n] = bound[n]
		for _, topic := range n.Topics {
			if n.Kind == plan.Source {
				k.sources[topic] = bound[n].(processor.NewSource)(topic)
			}
		}
	}
	slices.Reverse(k.flushes)
	for _, start := range slices.Backward(k.runtime.starts) {
		if err := start(); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func (k *task) Step(n *plan.Node) *processor.Step   { return &processor.Step{Name: n.Name, Host: k} }
func (k *task) Store(name string) store.State       { return k.stores[name] }
func (k *task) Global(string) any                   { return nil }
func (k *task) OnFlush(f func() error)              { k.flushes = append(k.flushes, f) }
func (k *task) OnAhead(func(record.Time, [][]byte)) {}
func (k *task) Outputs() *processor.Outputs         { return &k.outputs }

func (k *task) Topic(name string, internal bool) *processor.Topic {
	if internal {
		name = "app-" + name
	}
	if k.topics[name] == nil {
		k.topics[name] = &processor.Topic{Name: name, Partitions: 4}
	}
	return k.topics[name]
}

func (k *task) Mark(name string) *record.Time {
	if k.marks[name] == nil {
		k.marks[name] = new(record.Time)
		*k.marks[name] = -1
	}
	return k.marks[name]
}

func (k *task) Fail(s *processor.Step, reason processor.Reason, err error) error {
	k.t.Logf("%s: %s: %v", s.Name, reason, err)
	k.failed = append(k.failed, reason)
	return nil
}

// read has a source with a pattern read the topic.
func (k *task) read(n *plan.Node, topic string) {
	k.sources[topic] = k.bound[n].(processor.NewSource)(topic)
}

// pipe processes a record and returns what came out, "topic: key=value" each.
func (k *task) pipe(topic, key, value string, at record.Time) []string {
	k.t.Helper()
	source := k.sources[topic]
	k.space.SetNow(at)
	_, ok, err := source.Load(&record.Raw{Key: []byte(key), Value: []byte(value), Time: at}, -1)
	if err == nil && ok {
		err = source.Emit()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return k.take()
}

func (k *task) take() []string {
	var out []string
	for _, r := range k.outputs.Records {
		out = append(out, r.Topic.Name+": "+string(r.Key)+"="+string(r.Value))
	}
	k.outputs.Records = nil
	return out
}

func (k *task) flush() []string {
	k.t.Helper()
	for _, f := range k.flushes {
		if err := f(); err != nil {
			k.t.Fatal(err)
		}
	}
	return k.take()
}
