// Package changelog is the write-ahead log of stores: their rows as Kafka records, the proof of a
// commit in the offsets' metadata, and the way back into a store.
//
// # Position
//
// Above record and store; the engine writes and restores with it. It does no I/O.
//
// # Ownership
//
// Everything is a value or belongs to the caller.
//
// # Invariants
//
//   - C1: a row's record is byte for byte what Kafka Streams writes: the key, or key, window start
//     and sequence 0; the bare value; the row's time as the record's timestamp.
//   - C2: a commit's metadata names, for every logged store of its task, the changelog offset
//     after the last record of all commits so far.
//
// # Sources
//
// Kafka Streams: WindowKeySchema, RecordConverters, TopicPartitionMetadata, ProcessorMetadata,
// UnwindowedUnversionedChangelogTopicConfig, WindowedChangelogTopicConfig, RepartitionTopicConfig.
package changelog
