// Package check compares a workload's output topic with what a plain re-computation of its input topic gives.
//
// # Position
//
// Below the driver of bench/peers.
//
// # Ownership
//
// It reads topics and owns nothing.
//
// # Invariants
//
//   - CK1: it shares no code with a system under test: maps over the input.
//
// # Sources
//
// The contract in bench/peers/README.md.
package check
