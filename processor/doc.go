// Package processor is the operators, what each step of a topology does with a record, and the Processor
// API, with which users write steps of their own: docs/processors.md.
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
//   - O1: an operator hands a record on at most once to each child, and only after its step's state is
//     written. A processor of the user's hands on what and when it likes.
//   - O2: what a user function panics with becomes a PanicError of the step that called it. An operator
//     never calls the steps behind under that guard; where a processor's function forwards, a guard of
//     its own stands between. So an error is never the wrong step's.
//   - O3: a step hands on nothing of a record that it has given to Fail, and nobody else drops a
//     record. The exceptions are a windowed step, which fails per window, and a processor, whose
//     function may have forwarded before it failed.
//   - O4: whether a result is null is asked once, where it is made: from there on the record's
//     own flags tell.
//   - O5: in the steady state a stateless step allocates nothing per record, nor does a windowed
//     count, nor what stands around a processor's function.
//   - O6: a time-aware step's stream time is its own, starts at -1 and rises with each record
//     that reaches the step, before that record is tested for being late.
//   - O7: a processor's function is called after its set-up, and its context is of use in that task
//     alone; what was bound anew after an abort has set-ups, functions and contexts of its own.
//
// What each verb does with null is a table: docs/nulls.md.
//
// # Sources
//
// Kafka Streams: kstream.internals.KStreamFilter, KStreamMap, KStreamFlatMap and their kin,
// KStreamAggregate, KStreamReduce, KStreamWindowAggregate, KTableSource, KTableFilter,
// KTablePassThrough, PrintForeachAction, TimestampedCacheFlushListener;
// processor.internals.SourceNode, RecordQueue, SinkNode, ProcessorNode, ProcessorContextImpl;
// processor.api.Processor, ProcessorContext and their kin; the producer's BuiltInPartitioner (murmur2).
// KIP-138, KIP-161, KIP-478, KIP-820, KIP-825, KIP-1033.
package processor
