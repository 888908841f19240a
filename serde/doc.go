// Package serde turns bytes into values and back.
//
// # Position
//
// Above record, below everything that reads or writes bytes. The standard serdes write what
// Java's org.apache.kafka.common.serialization.Serdes write.
//
// # Ownership
//
// A Serde is shared by all tasks and safe for concurrent use. What Bind returns belongs to one
// task. Decode does not keep its data, Append does not keep dst.
//
// # Invariants
//
//   - S1: Decode(Append(nil, v)) is v.
//   - S2: null never reaches a serde: it is null bytes.
//
// # Sources
//
// Kafka: Serdes, StringSerializer, LongSerializer and their kin.
package serde
