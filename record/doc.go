// Package record is the value that flows: a typed record, its time and headers, and its raw form.
//
// # Position
//
// The bottom: it imports nothing of pitwheel, everything else imports it.
//
// # Ownership
//
// Records are values; a With method returns a changed copy. Headers and the bytes of a Raw belong
// to whoever made them and are not changed in place.
//
// # Invariants
//
//   - R1: a Record knows whether its key or value is null, apart from their zero values.
//   - R2: Time is Kafka's unit, milliseconds since the epoch.
//
// # Sources
//
// Kafka Streams: processor.api.Record, TaskId (KIP-478).
package record
