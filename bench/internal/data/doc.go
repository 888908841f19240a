// Package data defines the benchmark's records: their layout, the data sets, and the pure functions of the
// workloads.
//
// # Position
//
// Below all of bench.
//
// # Ownership
//
// Functions write into what the caller gives.
//
// # Invariants
//
//   - DA1: a set is the same in every run: its seed is part of it.
//
// # Sources
//
// Kafka's default partition is murmur2 (org.apache.kafka.common.utils.Utils).
package data
