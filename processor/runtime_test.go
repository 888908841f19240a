package processor

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/pitwheel/pitwheel/internal/graph"
	"github.com/pitwheel/pitwheel/record"
)

// fakeRuntime is the task of processors: it starts and ends them when it is told to.
type fakeRuntime struct {
	host   fakeHost
	opens  map[graph.Use]any // what handles name
	log    bytes.Buffer
	starts []func() error
	closes []func() error
	ctx    context.Context
	end    context.CancelFunc
	reads  *Metadata // of the record being processed
	row    record.Time
}

var _ Runtime = (*fakeRuntime)(nil)

func newRuntime() *fakeRuntime {
	f := &fakeRuntime{opens: map[graph.Use]any{}}
	f.ctx, f.end = context.WithCancel(context.Background())
	return f
}

func (f *fakeRuntime) ID() record.TaskID        { return record.TaskID{Subtopology: 2, Partition: 7} }
func (f *fakeRuntime) Context() context.Context { return f.ctx }
func (f *fakeRuntime) Logger() *slog.Logger     { return slog.New(slog.NewTextHandler(&f.log, nil)) }
func (f *fakeRuntime) StreamTime() record.Time  { return 40 }
func (f *fakeRuntime) WallClock() record.Time   { return 50 }
func (f *fakeRuntime) RowTime() *record.Time    { return &f.row }
func (f *fakeRuntime) OnStart(s func() error)   { f.starts = append(f.starts, s) }
func (f *fakeRuntime) OnClose(c func() error)   { f.closes = append(f.closes, c) }

func (f *fakeRuntime) Metadata() (m Metadata, ok bool) {
	if f.reads == nil {
		return m, false
	}
	return *f.reads, true
}

// env is the surroundings of a step of that name.
func (f *fakeRuntime) env(name string) Environment {
	return Environment{Step: f.host.step(name), Task: f, Open: func(u graph.Use) any { return f.opens[u] }}
}

// start sets the processors up, as a task does it.
func (f *fakeRuntime) start() error {
	for _, start := range slices.Backward(f.starts) {
		if err := start(); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeRuntime) mustStart(t testing.TB) {
	t.Helper()
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
}

func (f *fakeRuntime) close() error {
	f.end()
	var errs []error
	for _, c := range slices.Backward(f.closes) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// doing is a processor that works on every record with f.
func doing[K, V any](f func(c *Context[K, V], r record.Record[K, V]) error) Setup[K, V, K, V] {
	return func(c *Context[K, V]) (Func[K, V], error) {
		return func(r record.Record[K, V]) error { return f(c, r) }, nil
	}
}

func nullProcess[K, V any](c *trial[K, V]) Emit[K, V] {
	f := newRuntime()
	env := f.env("step")
	env.Step = c.step
	emit := Run(env, doing(func(ctx *Context[K, V], r record.Record[K, V]) error {
		c.call(r.Key(), r.Value())
		ctx.Forward(r)
		return nil
	}), c.next)
	if err := f.start(); err != nil {
		panic(err)
	}
	return emit
}
