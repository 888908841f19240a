// Package statedir is the directory that an app keeps its state in: who may use it, who it belongs
// to, and where each task's state is.
//
// # Position
//
// The root package opens it; the engine asks for task directories. It knows nothing of what is in
// them.
//
// # Ownership
//
// An open Dir holds the directory's lock until Close. Task may be called from any goroutine; the rest
// belongs to whoever opened it.
//
// # Invariants
//
//   - D1: nothing outside of the directory is touched: every access goes through os.Root.
//   - D2: the directory and all that is made in it is for its owner alone (0700, 0600).
//     One that was there before keeps its permissions; Exposed says what they allow.
//   - D3: an instance id is made once and stays, so that a restart is known as the same instance.
//   - D4: a directory that holds anything is only used if it says that it is this application's.
//
// # Sources
//
// Kafka Streams: StateDirectory, kafka-streams-process-metadata. Format:
// docs/format/state-directory.md.
package statedir
