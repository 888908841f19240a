package processor

import (
	"time"

	"github.com/pitwheel/pitwheel/record"
)

// Watch counts what passes a step: records, or updates of a table. It belongs to its task's goroutine.
type Watch struct {
	In  int64 // that came to it
	Out int64 // that it handed on, once for each step behind it

	// Of the work since they were last cleared, if Timed is set; that of the steps behind is in it.
	Timed       bool
	Begin, End  time.Time
	Busy        time.Duration
	Came, Going int64 // In and Out since then
}

// Edge is the way from a step to one behind it, watched.
type Edge struct{ From, To *Watch }

// Watchable is what a step may bind so that the way to it can be watched: Watch is the same with every
// call of it counted. Who is not watched has no trace of this in its way.
type Watchable interface {
	Watch(e Edge) any
}

var (
	_ Watchable = Emit[int, int](nil)
	_ Watchable = EmitChange[int, int](nil)
	_ Watchable = ChangeOut[int, int]{}
)

// Watch implements Watchable.
func (next Emit[K, V]) Watch(e Edge) any {
	return Emit[K, V](func(r *record.Record[K, V]) error {
		begin := e.enter()
		err := next(r)
		e.leave(begin)
		return err
	})
}

// Watch implements Watchable.
func (next EmitChange[K, V]) Watch(e Edge) any { return next.watched(e) }

func (next EmitChange[K, V]) watched(e Edge) EmitChange[K, V] {
	return func(c *Change[K, V]) error {
		begin := e.enter()
		err := next(c)
		e.leave(begin)
		return err
	}
}

// Watch implements Watchable: it counts the updates that go on. Those that a shared record cache holds
// back are not seen here.
func (out ChangeOut[K, A]) Watch(e Edge) any {
	if out.shared == nil {
		out.Next = out.Next.watched(e)
	}
	return out
}

func (e *Edge) enter() (begin time.Time) {
	e.From.Out++
	e.To.In++
	if !e.To.Timed {
		return begin
	}
	e.From.Going++
	e.To.Came++
	begin = time.Now()
	if e.To.Begin.IsZero() {
		e.To.Begin = begin
	}
	return begin
}

func (e *Edge) leave(begin time.Time) {
	if !e.To.Timed {
		return
	}
	e.To.End = time.Now()
	e.To.Busy += e.To.End.Sub(begin)
}
