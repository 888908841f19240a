// Package windowing is pure time arithmetic: windows, grace and windowed keys.
//
// # Position
//
// Above record and serde; stores, operators and the DSL use it. No I/O, no clock.
//
// # Ownership
//
// Everything is a value.
//
// # Invariants
//
//   - W1: windows' starts are never negative; those of tumbling and hopping windows are aligned to the epoch.
//   - W2: a tumbling window holds its start and not its end, so each time has exactly one.
//
// # Sources
//
// Kafka Streams: kstream.TimeWindows, SlidingWindows (KIP-450), UnlimitedWindows, SessionWindows (KIP-94), TimeWindowedSerializer,
// SessionWindowedSerializer,
// WindowedStreamPartitioner (KIP-633).
package windowing
