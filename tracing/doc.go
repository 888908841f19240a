// Package tracing is what an app asks of a tracing library: to start spans, and to read and write the
// W3C trace context that travels in records' headers. Package tracing/oteltracing does it with
// OpenTelemetry.
//
// An app without a Tracer makes no spans, looks at no header and changes none. With one it makes these
// spans; each is an error where what it stands for failed:
//
//	batch      what a task processed in one turn; it links to the traces of its records
//	  step     what a step did in that turn, if Config.TraceSteps is set
//	commit     a commit of a loop; it links to the batches in it. Its phases are spans below it:
//	           freeze, produce, flush, end and apply, and recover where it was not confirmed
//	restore    bringing a task's state back
//	rebalance  the group giving tasks to this instance or taking them away
//
// A record that carries a trace context is linked to, at most LinksMax different ones to a span. What is
// put out to a topic, a repartition topic too, carries the context of the span in which it was made, a
// batch's or, for what a record cache held back, a commit's, in place of any it had. So a trace backend
// can follow a record through subtopologies and applications. Changelog records carry none.
//
// # Position
//
// Above record; internal/reactor makes the spans.
//
// # Ownership
//
// A Tracer is used by several goroutines at once, a Span by one.
//
// # Invariants
//
//   - TR1: a context that is not of W3C's form is no context: it is neither linked to nor written.
//
// # Sources
//
// W3C Trace Context; OpenTelemetry's semantic conventions for messaging, which link where a batch has
// many causes.
package tracing
