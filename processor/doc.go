// Package processor is the operators: what each step of a topology does with a record.
//
// # Position
//
// Above record, serde, windowing and store. Package topology binds the operators to one another,
// the engine (internal/reactor, streamtest) calls the sources that come out of it and implements
// Host. An operator is a function from "emit downstream" to "emit": Map(step, f, next) returns
// the Emit that the steps above call. So a record's way through a task is a chain of plain typed
// calls, depth first, children in the order in which they were added.
//
// # Ownership
//
// What an operator returns belongs to one task and its goroutine, with everything it has
// captured: the stores, the record it reuses for its output, its stream time. The record that is
// emitted is lent for the call; nobody changes it, and who keeps it copies it. User functions are
// shared by all tasks: they run at the same time in several.
//
// # Invariants
//
//   - O1: a record is handed on at most once to each child, and only after its step's state is
//     written.
//   - O2: what a user function panics with becomes a PanicError of the step that called it; the
//     steps behind are never called under that guard, so that an error is never the wrong
//     step's.
//   - O3: a step hands on nothing of a record that it has given to Fail, and nobody else drops a
//     record. The one exception is a windowed step, which fails per window.
//   - O4: whether a result is null is asked once, where it is made: from there on the record's
//     own flags tell.
//   - O5: in the steady state a stateless step allocates nothing per record, nor does a windowed
//     count.
//   - O6: a time-aware step's stream time is its own, starts at -1 and rises with each record
//     that reaches the step, before that record is tested for being late.
//
// What each verb does with null is a table: docs/nulls.md.
//
// # Sources
//
// Kafka Streams: kstream.internals.KStreamFilter, KStreamMap, KStreamFlatMap and their kin,
// KStreamAggregate, KStreamReduce, KStreamWindowAggregate, KTableSource, KTableFilter,
// KTablePassThrough, PrintForeachAction, TimestampedCacheFlushListener;
// processor.internals.SourceNode, RecordQueue, SinkNode; the producer's BuiltInPartitioner
// (murmur2). KIP-161, KIP-825, KIP-1033.
package processor
