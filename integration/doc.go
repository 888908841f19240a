// Package integration holds the tests of pitwheel on a real Apache Kafka: one broker and three, killed,
// paused and restarted under load, instances killed, and what must come of each input compared with
// what a few lines of their own make of it. See docs/reliability.md.
//
// # Position
//
// Above everything. Nothing imports it.
//
// # Ownership
//
// Instances that are killed are processes of their own: the test binary, started again.
//
// # Invariants
//
// None.
//
// # Sources
//
// Kafka: tests/kafkatest/tests/streams; KIP-447, KIP-890.
package integration
