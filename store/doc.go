// Package store is local state: typed stores over a write-back cache over Pebble or memory.
//
// # Position
//
// Above record, serde and windowing; the only importer of Pebble. Operators read and write typed
// stores; the engine opens a task's Space and freezes, applies, aborts and restores it. It knows
// nothing of Kafka: what the changelog needs comes out of Freeze as bytes.
//
// # Ownership
//
// A Space, its stores and their iterators belong to one goroutine, the one that has the task. A
// Shared, a Committed and the readers are safe for concurrent use. Bytes of a Frozen are never written again. Strings and byte
// slices that a store returns are views of memory that is never written again either; byte slices
// must not be changed by who gets them.
//
// # Invariants
//
//   - S1: a key's identity is its bytes. A store never holds two rows of equal bytes, and its order is
//     that of unsigned bytes.
//   - S2: the backend holds only what was applied or restored. What was not is in the cache alone, and
//     Abort drops it.
//   - S3: after a crash the backend is as it was after some batch, at least as new as the last flush:
//     Pebble runs without its own log, and a batch holds rows and checkpoint together.
//   - S4: a Frozen is immutable: a row is encoded once, when it is frozen, and later writes go to the
//     next generation.
//   - S5: where a window or a store is complete, a key that is not in the cache is nowhere, and nothing
//     below is asked. Evicting, aborting and reopening end it.
//   - S6: a failure sticks: after the first, reads find nothing, writes do nothing, and nothing is
//     applied.
//   - S7: a reader sees what was applied, one partition as of one moment. It takes no lock that a step
//     takes; a space that closes waits for a page of a walk at most.
//
// # Sources
//
// Kafka Streams: KeyValueStore, WindowStore, RocksDBTimestampedStore, AbstractRocksDBSegmentedBytesStore
// (retention), RocksDBVersionedStore (KIP-889), KIP-892. Pebble's documentation of DisableWAL. Format: docs/format/state-directory.md.
package store
