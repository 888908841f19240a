// Package storetest is what every kind of store must do, wherever its rows are: one suite for
// spaces on disk and in memory. And a disk for tests of what is above stores, that fails and crashes.
//
// # Position
//
// Above store. Tests call Run with a place where spaces can be opened.
//
// # Ownership
//
// A Place belongs to one test. The suite closes every space that it opens.
//
// # Invariants
//
//   - T1: each rule runs for key-value and window stores, on the place and with Definition.InMemory,
//     with values that stand in the cache's slots, in its arenas and behind pointers.
//   - T2: a rule uses exported methods alone.
//
// # Sources
//
// Kafka Streams: AbstractKeyValueStoreTest, AbstractWindowBytesStoreTest. The idea of a suite for
// all implementations: testing/fstest, testing/slogtest.
package storetest
