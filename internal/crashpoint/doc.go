// Package crashpoint puts every fault at every step of the protocol: a crash before, in the middle of and
// behind it, a request of it that fails, is not answered or whose answer is lost. Each cell runs an
// application with state on an embedded Kafka in fake time, and compares all that comes of it with what a few
// lines of their own make of the same input. It is a test and nothing else.
//
// # Position
//
// Above the whole. It runs apps as users do; a reactor.Probe in their context lets it see the steps.
//
// # Ownership
//
// Each cell has a cluster, instances and disks of its own, in a bubble of testing/synctest.
//
// # Invariants
//
//   - C1: a cell whose fault did not happen at its step fails.
//   - C2: what the cells are follows from reactor.Steps: a step without its cells fails the test.
//
// # Sources
//
// FoundationDB's and TigerBeetle's simulators for the idea; Kafka's system tests kill processes at any moment.
package crashpoint
