package topology

import (
	"io"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/windowing"
)

// Print writes a line for each record, "[label]: key, value", with null for null: the label is the
// name of the step before. All tasks write, one line at a time; a writer given to several Prints
// must take that, as os.Stdout does. What is returned is the stream itself. Kafka: KStream.print.
func (s Stream[K, V]) Print(w io.Writer, opts ...StepOption) Stream[K, V] {
	printTo[K, V](s.n, w, opts)
	return s
}

// Print writes a line for each record, "[label]: key@start/end, value", under the rules of
// Stream.Print. Kafka: KStream.print.
func (s WindowedStream[K, V]) Print(w io.Writer, opts ...StepOption) WindowedStream[K, V] {
	printTo[windowing.Key[K], V](s.n, w, opts)
	return s
}

// printTo adds the node, where the records end.
func printTo[K, V any](parent *node, w io.Writer, opts []StepOption) {
	n := parent.step("Print", printPrefix, opts)
	if w == nil {
		n.fail("the writer is nil", "give one, e.g. os.Stdout")
	}
	lines := processor.NewLines(w)
	n.binds(func(c binding) any { return processor.Print[K, V](c.step(), parent.name, lines) })
}
