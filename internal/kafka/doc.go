// Package kafka is the way to the brokers: what the engine asks of Kafka, in the engine's words.
//
// # Position
//
// The only importer of franz-go's kgo. Above record and processor's Output; internal/reactor and
// the root package use it.
//
// # Ownership
//
// An Admin is safe for concurrent use. A Consumer's Poll, Rewind and Resume belong to one
// goroutine, its pausing may be asked for from any. A Producer belongs to its loop. Fetched bytes
// belong to whoever polled them and are never written again.
//
// # Invariants
//
//   - K1: offsets are only read with "require stable", so no pending transaction is overlooked.
//   - K2: a commit whose end was not confirmed is unknown, whatever the client says of it.
//   - K3: no offset is ever reset silently: out of range is an error.
//
// # Sources
//
// KIP-98, KIP-447, KIP-890 (transactions), KIP-345 (static membership), KIP-429 (cooperative
// rebalancing).
package kafka
