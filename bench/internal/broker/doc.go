// Package broker has what the benchmark's programs need of a Kafka: topics made, filled and read to the end.
//
// # Position
//
// Below the programs of bench/peers.
//
// # Ownership
//
// A caller closes the admin client that it opened.
//
// # Invariants
//
//   - BR1: a topic is filled once: what is there is kept, and half a topic is an error.
//
// # Sources
//
// None.
package broker
