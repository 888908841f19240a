package processor

import (
	"errors"

	"github.com/pitwheel/pitwheel/record"
)

// Run runs a processor of the user's: it sees every record, and what it forwards goes on. Kafka:
// KStream.process, ProcessorNode.
func Run[K, V, K2, V2 any](
	env Environment, setup Setup[K, V, K2, V2], next Emit[K2, V2],
) Emit[K, V] {
	c := &Context[K2, V2]{task: task{env: env}}
	c.out = outlet[K2, V2]{task: &c.task, next: next}
	p := newProcessing[K, V](&c.task)
	env.Task.OnStart(func() error {
		return p.start(func() (err error) { p.f, err = setup(c); return err })
	})
	return p.process
}

// RunValues is Run for a processor that cannot change keys. Kafka: KStream.processValues.
func RunValues[K, V, V2 any](
	env Environment, setup ValueSetup[K, V, V2], next Emit[K, V2],
) Emit[K, V] {
	c := &ValueContext[K, V2]{task: task{env: env}}
	c.out = outlet[K, V2]{task: &c.task, next: next}
	p := newProcessing[K, V](&c.task)
	env.Task.OnStart(func() error {
		return p.start(func() error {
			f, err := setup(c)
			if f != nil {
				p.f = func(r record.Record[K, V]) error { return f(record.Fix(r)) }
			}
			return err
		})
	})
	return p.process
}

// RunGlobal is Run for a processor that forwards nothing. Kafka: StreamsBuilder.addGlobalStore.
func RunGlobal[K, V any](env Environment, setup GlobalSetup[K, V]) Emit[K, V] {
	c := &Task{task{env: env}}
	p := newProcessing[K, V](&c.task)
	env.Task.OnStart(func() error {
		return p.start(func() (err error) { p.f, err = setup(c); return err })
	})
	return p.process
}

// processing is a processor in its task.
type processing[K, V any] struct {
	task    *task
	f       Func[K, V]   // nil until it is set up
	rowTime *record.Time // of what f puts into stores
}

func newProcessing[K, V any](t *task) *processing[K, V] {
	return &processing[K, V]{task: t, rowTime: t.env.Task.RowTime()}
}

var errNoFunction = errors.New("it returned no function and no error")

// start sets the processor up.
func (p *processing[K, V]) start(setup func() error) error {
	t := p.task
	err := guard(setup)
	if err == nil && p.f == nil {
		err = errNoFunction
	}
	t.stage = idle
	if m, ok := errors.AsType[*MisuseError](err); ok {
		return m
	}
	if err != nil {
		return &StepError{Step: t.env.Step.Name, Doing: "set-up", Err: err}
	}
	return nil
}

func (p *processing[K, V]) process(r *record.Record[K, V]) error {
	before := *p.rowTime
	*p.rowTime, p.task.stage = r.Time(), working
	err := p.call(r)
	*p.rowTime, p.task.stage = before, idle
	if err == nil && p.task.failed == nil {
		return nil
	}
	return p.task.judge(err)
}

func (p *processing[K, V]) call(r *record.Record[K, V]) (err error) {
	defer catch(&err)
	return p.f(*r)
}

// judge says what becomes of what the user's function got wrong, and of what went wrong behind it.
func (t *task) judge(err error) error {
	if t.failed == nil {
		if m, ok := errors.AsType[*MisuseError](err); ok {
			t.failed = m
		}
	}
	if t.failed != nil || err == nil {
		return t.failed
	}
	return t.env.Step.Fail(Process, err)
}

// guard calls f; what it panics with is the error.
func guard(f func() error) (err error) {
	defer catch(&err)
	return f()
}
