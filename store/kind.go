package store

import (
	"reflect"
	"unsafe"
)

// valueKind is how the values of a type stand in a table.
type valueKind int

const (
	inlineKindOf valueKind = iota // in the slot, which the garbage collector does not look at
	textKind                      // a string, in an arena
	bytesKind                     // a byte slice, in an arena
	scannedKind                   // in the slot, which the garbage collector looks at
)

func kindOf(t reflect.Type) valueKind {
	switch {
	case t.Kind() == reflect.String:
		return textKind
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return bytesKind
	case hasPointers(t):
		return scannedKind
	}
	return inlineKindOf
}

func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return false
	}
	return true
}

// packing turns values that stand in an arena into views and back. The casts are sound because
// V's underlying type is string or []byte, whatever its name.
type packing[V any] struct {
	load func(b []byte) V
	add  func(a *arena, v V) place
}

func textPacking[V any]() *packing[V] {
	return &packing[V]{
		load: func(b []byte) V {
			s := unsafe.String(unsafe.SliceData(b), len(b))
			return *(*V)(unsafe.Pointer(&s))
		},
		add: func(a *arena, v V) place { return addTo(a, *(*string)(unsafe.Pointer(&v))) },
	}
}

func bytesPacking[V any]() *packing[V] {
	return &packing[V]{
		load: func(b []byte) V { return *(*V)(unsafe.Pointer(&b)) },
		add:  func(a *arena, v V) place { return addTo(a, *(*[]byte)(unsafe.Pointer(&v))) },
	}
}
