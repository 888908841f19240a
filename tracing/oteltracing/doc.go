// Package oteltracing makes an app's spans with OpenTelemetry.
//
//	config.Tracer = oteltracing.New(otel.GetTracerProvider())
//
// Spans are named "pitwheel batch", "pitwheel commit" and so on, their attributes "pitwheel.task" and so
// on; package tracing lists them.
//
// # Position
//
// Above tracing, beside the app: who does not import it does not link OpenTelemetry.
//
// # Ownership
//
// The provider is the caller's, who shuts it down after the app has ended.
//
// # Invariants
//
// None of its own.
//
// # Sources
//
// OpenTelemetry's tracing API and its W3C propagator.
package oteltracing
