package processor

import (
	"fmt"
	"runtime/debug"
)

// PanicError is what a user function or a serde panicked with.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // of the goroutine, as debug.Stack prints it
}

// Error is the value. The stack is left out: it is for the log.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap is the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// catch makes a panic an error. It must be deferred itself, in a function that calls user code and
// nothing downstream; or, in a processor's outlet, downstream alone (invariant O2).
func catch(err *error) {
	if value := recover(); value != nil {
		*err = &PanicError{Value: value, Stack: debug.Stack()}
	}
}
