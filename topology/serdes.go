package topology

import (
	"fmt"
	"reflect"

	"github.com/pitwheel/pitwheel/serde"
)

// wanted is a serde that a step needs: the one that came with the stream, else the type's, found
// when the topology is built.
type wanted[T any] struct{ serde serde.Serde[T] }

// want notes that the step needs a serde of T. fix says what to add where there is none.
func want[T any](n *node, have serde.Serde[T], what, fix string) *wanted[T] {
	w := &wanted[T]{have}
	n.wants = append(n.wants, func() {
		if w.serde == nil {
			w.serde = serdeOf[T](n.builder)
		}
		if w.serde == nil {
			n.fail(fmt.Sprintf("no serde for %s, of type %v", what, reflect.TypeFor[T]()), fix)
		}
	})
	return w
}

// serdeOf is the type's serde: the standard one of Go's basic types, else the builder's.
func serdeOf[T any](b *Builder) serde.Serde[T] {
	if s, ok := serde.Standard[T](); ok {
		return s
	}
	s, _ := b.serdes[reflect.TypeFor[T]()].(serde.Serde[T])
	return s
}

// carried is the serde for a value that a step made: the one before if the type is the same.
func carried[T2, T any](s serde.Serde[T]) serde.Serde[T2] {
	if reflect.TypeFor[T2]() != reflect.TypeFor[T]() {
		return nil
	}
	same, _ := any(s).(serde.Serde[T2])
	return same
}
