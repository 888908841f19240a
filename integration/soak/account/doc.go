// Package account knows what must come of the soak's input, without a line of the engine: it makes
// the input from a seed, folds it into plain maps, decodes what the application wrote by hand, and
// says where the two differ.
//
// # Position
//
// It stands alone and imports nothing of pitwheel, so that no error of the engine can hide in it. Command
// soak tells it what was sent and what was seen.
//
// # Ownership
//
// Events belong to one goroutine. An Account may be told things from any.
//
// # Invariants
//
//   - A1: an event is told before the application can see it, so no right result is ever ahead.
//   - A2: a result is right in one way alone: as the next of its key. What comes again is doubled, what is
//     skipped is lost, anything else is wrong.
//
// # Sources
//
// Kafka Streams' semantics of repartitions, windows and changelogs, and Kafka's default partitioner.
package account
