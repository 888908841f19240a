// Package protocol tests what exactly-once rests on against a real Kafka, where only a real one can play it:
// transactions that hang, epochs of transactions, and what brokers say of offsets that are pending.
//
// # Position
//
// Tests alone, above package cluster.
//
// # Ownership
//
// The tests share one broker; each has topics and an application of its own.
//
// # Invariants
//
//   - R1: what a test says of Kafka it has made Kafka do, but for what a broker does only when it is killed at the
//     right moment: that is written by hand, as it would stand there.
//
// # Sources
//
// KIP-890, KIP-664, KIP-447.
package protocol
