package reactor

import (
	"log/slog"
	"time"

	"github.com/pitwheel/pitwheel/tracing"
)

// span is something of the engine that is traced, in phases that follow one another. Nil: tracing is
// off, and its methods do nothing.
type span struct {
	tracer tracing.Tracer
	whole  tracing.Span
	phase  tracing.Span // under way; nil: none
	err    error        // the first that did not end the work
}

// start begins a span; nil if tracing is off.
func (e *Engine) start(name string, at time.Time, links []tracing.Context) *span {
	if e.config.Tracer == nil {
		return nil
	}
	return &span{tracer: e.config.Tracer, whole: e.config.Tracer.Start(tracing.Start{Name: name, At: at, Links: links})}
}

// set adds an attribute.
func (s *span) set(key string, value any) {
	if s != nil {
		s.whole.Set(slog.Any(key, value))
	}
}

// enter ends the phase under way and begins the next.
func (s *span) enter(name string) {
	if s != nil {
		s.enterAt(name, time.Now())
	}
}

func (s *span) enterAt(name string, at time.Time) {
	if s.phase != nil {
		s.phase.End(at, nil)
	}
	s.phase = s.tracer.Start(tracing.Start{Name: name, Parent: s.whole, At: at})
}

// failed notes what went wrong in the phase under way, and ends it.
func (s *span) failed(err error) {
	if s == nil {
		return
	}
	if s.err == nil {
		s.err = err
	}
	if s.phase != nil {
		s.phase.End(time.Now(), err)
		s.phase = nil
	}
}

// end ends the phase under way and the whole.
func (s *span) end(err error) {
	if s == nil {
		return
	}
	at := time.Now()
	if s.phase != nil {
		s.phase.End(at, err)
	}
	if s.err == nil {
		s.err = err
	}
	s.whole.End(at, s.err)
}
