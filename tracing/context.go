package tracing

import (
	"slices"

	"github.com/pitwheel/pitwheel/record"
)

// The headers that carry a Context, as W3C Trace Context names them.
const (
	TraceparentHeader = "traceparent"
	TracestateHeader  = "tracestate"
)

// Context names a span in another process. The zero Context names none.
type Context struct {
	Traceparent string // "00-<trace id>-<parent id>-<flags>"
	Tracestate  string // empty: none
}

// IsZero says that it names none.
func (c Context) IsZero() bool { return c.Traceparent == "" }

// FromHeaders is the context that a record carries; false if it carries none.
func FromHeaders(h record.Headers) (c Context, ok bool) {
	parent, ok := h.Get(TraceparentHeader)
	if !ok || !valid(parent) {
		return Context{}, false
	}
	state, _ := h.Get(TracestateHeader)
	return Context{Traceparent: string(parent), Tracestate: string(state)}, true
}

// Headers are h with this context in place of any that it had; a zero Context only takes that away.
// h is not changed.
func (c Context) Headers(h record.Headers) record.Headers {
	with := slices.DeleteFunc(append(make(record.Headers, 0, len(h)+2), h...), func(x record.Header) bool {
		return x.Key == TraceparentHeader || x.Key == TracestateHeader
	})
	if !c.IsZero() {
		with = append(with, record.Header{Key: TraceparentHeader, Value: []byte(c.Traceparent)})
	}
	if c.Tracestate != "" {
		with = append(with, record.Header{Key: TracestateHeader, Value: []byte(c.Tracestate)})
	}
	return with
}

// The parts of a traceparent, by where they begin.
const (
	traceAt, spanAt, flagsAt = 3, 36, 53
	parentSize               = 55
)

// valid says whether a traceparent has W3C's form. One of a later version may go on behind a '-'.
func valid(p []byte) bool {
	if len(p) < parentSize || p[traceAt-1] != '-' || p[spanAt-1] != '-' || p[flagsAt-1] != '-' {
		return false
	}
	version := p[:traceAt-1]
	if !hex(version) || string(version) == "ff" {
		return false
	}
	if len(p) > parentSize && (string(version) == "00" || p[parentSize] != '-') {
		return false
	}
	trace, span := p[traceAt:spanAt-1], p[spanAt:flagsAt-1]
	return hex(trace) && !zeros(trace) && hex(span) && !zeros(span) && hex(p[flagsAt:parentSize])
}

func hex(s []byte) bool {
	return !slices.ContainsFunc(s, func(b byte) bool { return (b < '0' || b > '9') && (b < 'a' || b > 'f') })
}

func zeros(s []byte) bool {
	return !slices.ContainsFunc(s, func(b byte) bool { return b != '0' })
}
