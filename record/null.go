package record

import (
	"fmt"
	"reflect"
	"unsafe"
)

// Null is a T that may be null, as database/sql.Null. serde.Nullable carries it; pointers,
// slices, maps and interfaces need none.
type Null[T any] struct {
	V     T    // the zero value if null
	Valid bool // false: null
}

// Valid is a Null that holds v.
func Valid[T any](v T) Null[T] { return Null[T]{V: v, Valid: true} }

// IsNull is true where n holds nothing.
func (n Null[T]) IsNull() bool { return !n.Valid }

// String is what V shows as, or "null".
func (n Null[T]) String() string {
	if !n.Valid {
		return "null"
	}
	return fmt.Sprint(n.V)
}

func (Null[T]) nullable() {}

// nullable marks the struct type that holds null: Null, whatever its T.
type nullable interface{ nullable() }

// CanBeNull says whether the type T has a null: pointers, slices, maps, functions, channels,
// interfaces and Null.
func CanBeNull[T any]() bool { return NullsOf[T]().Possible() }

// IsNull says whether v is null. Where it is asked per record, Nulls is cheaper.
func IsNull[T any](v T) bool { return NullsOf[T]().Has(&v) }

// Nulls knows where the null of a T is seen. It is found once with NullsOf and asked per value: a
// load and a comparison, which lets the value stay on the stack.
type Nulls[T any] struct {
	form nullForm
	flag uintptr // the offset of Valid in a Null
}

type nullForm uint8

const (
	noNull nullForm = iota
	// The first word is zero: of a nil pointer, map, channel, function, slice (its data pointer)
	// or interface (its type), and of no other; an empty slice that is not nil points to the
	// runtime's zero base.
	zeroWord
	clearFlag // Valid is false
)

// NullsOf finds the Nulls of T.
func NullsOf[T any]() Nulls[T] {
	t := reflect.TypeFor[T]()
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.Slice, reflect.Interface,
		reflect.UnsafePointer:
		return Nulls[T]{form: zeroWord}
	case reflect.Struct:
		// A struct that embeds a Null has its method and is none.
		if t.Implements(reflect.TypeFor[nullable]()) && t.NumField() == 2 &&
			!t.Field(0).Anonymous && t.Field(1).Name == "Valid" {
			return Nulls[T]{form: clearFlag, flag: t.Field(1).Offset}
		}
	}
	return Nulls[T]{}
}

// Possible says whether any T is null.
func (n Nulls[T]) Possible() bool { return n.form != noNull }

// Has says whether v is null.
func (n Nulls[T]) Has(v *T) bool {
	switch n.form {
	case zeroWord:
		return *(*uintptr)(unsafe.Pointer(v)) == 0
	case clearFlag:
		return !*(*bool)(unsafe.Add(unsafe.Pointer(v), n.flag))
	default:
		return false
	}
}
