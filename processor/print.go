package processor

import (
	"fmt"
	"io"
	"reflect"
	"sync"

	"github.com/pitwheel/pitwheel/record"
)

// Lines writes whole lines to a writer, one at a time: the tasks that print share it.
type Lines struct {
	mu sync.Mutex
	w  io.Writer
}

// NewLines is for one writer.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// write writes the line in one call.
func (l *Lines) write(line []byte) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer catch(&err)
	_, err = l.w.Write(line)
	return err
}

// Print writes a line for each record, which ends here: "[label]: key, value", with null for null.
// A pointer is shown as what it points to, bytes as a quoted string. If the writer fails, the
// record goes to the error policy. Kafka: KStream.print.
func Print[K, V any](step *Step, label string, to *Lines) Emit[K, V] {
	var line []byte
	return func(r *record.Record[K, V]) (err error) {
		line = fmt.Appendf(line[:0], "[%s]: ", label)
		line = appendShown(line, r.Key(), r.HasKey())
		line = append(line, ", "...)
		line = appendShown(line, r.Value(), !r.IsTombstone())
		if err := to.write(append(line, '\n')); err != nil {
			return step.Fail(Process, err)
		}
		return nil
	}
}

// appendShown appends a key or a value as a reader wants to see it. A String method that panics is
// shown by fmt as such.
func appendShown[T any](line []byte, v T, is bool) []byte {
	if !is {
		return append(line, "null"...)
	}
	switch v := any(v).(type) {
	case []byte:
		return fmt.Appendf(line, "%q", v)
	case fmt.Formatter, fmt.Stringer, error:
		return fmt.Append(line, v)
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer {
		return fmt.Append(line, p.Elem())
	}
	return fmt.Append(line, v)
}
