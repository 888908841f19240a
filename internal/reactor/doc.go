// Package reactor is the engine: it runs a plan's tasks, commits for them and brings them back.
//
// # Position
//
// Above plan, processor, store, changelog and internal/kafka; the root package runs an Engine,
// streamtest runs Tasks by hand.
//
// # Ownership
//
// A Task and its stores belong to the goroutine that calls its methods: a Loop's, or the test's.
// Between goroutines go only batches, commands and their answers, over channels.
//
// # Invariants
//
//   - E1: Step, Punctuate and Freeze do no I/O but reads of local state; what they want done stands in
//     the task's outputs and in the Commit. The same calls at the same times of the wall clock give the
//     same effects, byte for byte.
//   - E2: local state never holds what is not committed.
//   - E3: every transaction holds an offset of every task it has records of, so it is fenced.
//   - E4: the order of a commit is written in commit.go and nowhere else.
//   - E5: a punctuation by itself allocates nothing.
//
// # Sources
//
// Kafka Streams: StreamTask, PunctuationQueue, PartitionGroup, RecordQueue, TaskExecutor, ProcessorStateManager;
// KIP-98, KIP-447, KIP-892. etcd's raft: a state machine that hands out its effects.
package reactor
