// Package faultproxy stands between clients and a Kafka and does to their connections what networks do:
// it delays, resets, and loses requests or answers of chosen kinds. It reads the header of each request,
// and replaces the brokers' addresses in the answers that name them, so that clients meet no broker but
// through it.
//
// # Position
//
// It stands alone, for tests and the soak. It knows Kafka's frames and, through kmsg, the answers that
// name brokers; records are bytes to it.
//
// # Ownership
//
// A Proxy's methods may be called from any goroutine. Each connection has two of its own, one for each
// direction; all have ended when Close returns.
//
// # Invariants
//
//   - P1: without faults every byte goes through unchanged but the addresses of brokers.
//   - P2: a request whose answer is lost was handed to the broker whole; one that is lost itself was not
//     handed on at all.
//
// # Sources
//
// Kafka's protocol guide; KIP-951 for the addresses in the answers to Produce and Fetch.
package faultproxy
