// Package bench measures pitwheel end to end in one process: real plans, tasks, caches, Pebble and
// encodings, with no Kafka but for what needs one. Figures and the machine they are of are in docs/benchmarks.
//
// # Position
//
// Beside the examples: nothing imports it.
//
// # Ownership
//
// A benchmark owns what it makes.
//
// # Invariants
//
//   - B1: every run checks its result: the sum of the counts is the number of records.
//
// # Sources
//
// None.
package bench
