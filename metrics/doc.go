// Package metrics is what an app measures of itself: a Snapshot, which App.Metrics returns, and a table of
// every metric in it with its name, unit, labels and what Kafka Streams calls it. Package
// metrics/prommetrics gives a snapshot to Prometheus, metrics/otelmetrics to OpenTelemetry.
//
// A snapshot is read without a lock that a loop could wait for: loops leave theirs after each commit and,
// while they work, once a second. Records are counted when they are committed. So totals never go back
// and, over all instances, a record that was processed again after an abort or on another instance is
// counted once.
//
// # Position
//
// Above record. internal/reactor fills snapshots, the root package hands them out.
//
// # Ownership
//
// A Snapshot is the caller's, but its slices and maps are shared with other snapshots: read only.
//
// # Invariants
//
//   - ME1: docs/metrics.md lists exactly the metrics of All; a test compares them.
//   - ME2: every Point is of a metric of All and has a value for each of its labels.
//
// # Sources
//
// Kafka Streams: StreamsMetricsImpl and the classes of internals.metrics; KIP-444, KIP-613, KIP-770,
// KIP-846, KIP-869.
package metrics
