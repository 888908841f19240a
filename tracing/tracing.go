package tracing

import (
	"log/slog"
	"time"
)

// Tracer starts spans. It is used by several goroutines at once, and must not block.
type Tracer interface {
	Start(s Start) Span
}

// Start is a span that begins.
type Start struct {
	Name       string
	Parent     Span // nil: it is the first of its trace
	Links      []Context
	At         time.Time // when it began, which may be a little ago
	Attributes []slog.Attr
}

// Span is something that takes time. It belongs to one goroutine and is used until its End.
type Span interface {
	// Context is what others name it by; the zero Context if it has no name.
	Context() Context
	// Link adds a cause that was not known at the start.
	Link(to Context)
	// Set adds attributes.
	Set(attributes ...slog.Attr)
	// End ends it. err is nil if what it stands for succeeded.
	End(at time.Time, err error)
}

// LinksMax is how many contexts one span links to: OpenTelemetry's default limit.
const LinksMax = 128
