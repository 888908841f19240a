package record

import (
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

func (Null[T]) nullable() {}

// nullable marks the struct type that holds null: Null, whatever its T.
type nullable interface{ nullable() }

// CanBeNull says whether the type T has a null: pointers, slices, maps, functions, channels,
// interfaces and Null.
func CanBeNull[T any]() bool { return NullCheck[T]() != nil }

// IsNull says whether v is null. Where it is asked per record, NullCheck is cheaper.
func IsNull[T any](v T) bool {
	check := NullCheck[T]()
	return check != nil && check(&v)
}

// NullCheck returns the function that says whether a T is null; nil if no T is.
//
// Its functions use unsafe, so that asking costs one load and no allocation: the first word of a
// nil pointer, map, channel, function, slice (its data pointer) or interface (its type) is zero,
// and that of any other is not (an empty slice that is not nil points to the runtime's zero
// base). Of a Null the flag is read at its offset.
func NullCheck[T any]() func(*T) bool {
	t := reflect.TypeFor[T]()
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.Slice, reflect.Interface, reflect.UnsafePointer:
		return firstWordIsZero[T]
	case reflect.Struct:
		// A struct that embeds a Null has its method and is none.
		if !t.Implements(reflect.TypeFor[nullable]()) || t.NumField() != 2 ||
			t.Field(0).Anonymous || t.Field(1).Name != "Valid" {
			return nil
		}
		valid := t.Field(1).Offset
		return func(v *T) bool { return !*(*bool)(unsafe.Add(unsafe.Pointer(v), valid)) }
	default:
		return nil
	}
}

func firstWordIsZero[T any](v *T) bool { return *(*uintptr)(unsafe.Pointer(v)) == 0 }
