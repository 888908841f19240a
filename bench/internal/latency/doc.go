// Package latency measures, from outside, how long a record takes from the time it was due until the result that
// includes it can be read by a read_committed consumer.
//
// # Position
//
// Below the driver of bench/peers.
//
// # Ownership
//
// It owns its producer and its consumer, and closes them.
//
// # Invariants
//
//   - LA1: the loop is open: a record's clock starts when it was due, whether or not it could be sent then.
//
// # Sources
//
// None.
package latency
