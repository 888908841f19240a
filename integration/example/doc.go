// Package example is a small application with its tests on a real Kafka, to copy from. See
// docs/integration-tests.md.
//
// # Position
//
// A user of pitwheel and of kafkatest. Nothing imports it.
//
// # Ownership
//
// The tests share one Kafka; topics and apps are each test's own.
//
// # Invariants
//
// None.
//
// # Sources
//
// None.
package example
