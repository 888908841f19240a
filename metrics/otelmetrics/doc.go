// Package otelmetrics gives an app's metrics to OpenTelemetry.
//
//	registration, err := otelmetrics.Register(otel.Meter("pitwheel"), app)
//	...
//	err = registration.Unregister()
//
// docs/metrics.md has every name, and the rule that makes OpenTelemetry's of them. OpenTelemetry has no
// histogram that is observed as a whole, so of each there are a count and a sum.
//
// # Position
//
// Above metrics, beside the app: who does not import it does not link OpenTelemetry.
//
// # Ownership
//
// The meter's provider calls back for each collection, which takes one snapshot of each app.
//
// # Invariants
//
// None of its own.
//
// # Sources
//
// OpenTelemetry's metrics API: observable instruments.
package otelmetrics
