package oteltracing

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/pitwheel/pitwheel/tracing"
)

const scope = "github.com/pitwheel/pitwheel"

// New is a Tracer that starts its spans at a provider.
func New(p trace.TracerProvider) tracing.Tracer { return tracer{p.Tracer(scope)} }

type tracer struct{ of trace.Tracer }

// Start implements tracing.Tracer.
func (t tracer) Start(s tracing.Start) tracing.Span {
	ctx := context.Background()
	if parent, ok := s.Parent.(*span); ok {
		ctx = trace.ContextWithSpan(ctx, parent.of)
	}
	options := []trace.SpanStartOption{trace.WithTimestamp(s.At), trace.WithAttributes(attributes(s.Attributes)...)}
	for _, c := range s.Links {
		if l, ok := link(c); ok {
			options = append(options, trace.WithLinks(l))
		}
	}
	_, of := t.of.Start(ctx, "pitwheel "+s.Name, options...)
	return &span{of}
}

type span struct{ of trace.Span }

// Context implements tracing.Span.
func (s *span) Context() tracing.Context {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), s.of), carrier)
	return tracing.Context{
		Traceparent: carrier[tracing.TraceparentHeader], Tracestate: carrier[tracing.TracestateHeader],
	}
}

// Link implements tracing.Span.
func (s *span) Link(to tracing.Context) {
	if l, ok := link(to); ok {
		s.of.AddLink(l)
	}
}

// Set implements tracing.Span.
func (s *span) Set(of ...slog.Attr) { s.of.SetAttributes(attributes(of)...) }

// End implements tracing.Span.
func (s *span) End(at time.Time, err error) {
	if err != nil {
		s.of.RecordError(err, trace.WithTimestamp(at))
		s.of.SetStatus(codes.Error, err.Error())
	}
	s.of.End(trace.WithTimestamp(at))
}

// link is false if the context names no span.
func link(to tracing.Context) (l trace.Link, ok bool) {
	carrier := propagation.MapCarrier{
		tracing.TraceparentHeader: to.Traceparent, tracing.TracestateHeader: to.Tracestate,
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier)
	l = trace.LinkFromContext(ctx)
	return l, l.SpanContext.IsValid()
}

func attributes(of []slog.Attr) []attribute.KeyValue {
	all := make([]attribute.KeyValue, len(of))
	for i, a := range of {
		key := attribute.Key("pitwheel." + a.Key)
		switch v := a.Value.Resolve(); v.Kind() {
		case slog.KindInt64:
			all[i] = key.Int64(v.Int64())
		case slog.KindFloat64:
			all[i] = key.Float64(v.Float64())
		case slog.KindBool:
			all[i] = key.Bool(v.Bool())
		default:
			all[i] = key.String(v.String())
		}
	}
	return all
}
