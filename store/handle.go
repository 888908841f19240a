package store

import "github.com/pitwheel/pitwheel/internal/graph"

// KeyValueRef is the typed handle of a key-value store: made by a table, read by a test.
type KeyValueRef[K, V any] struct{ use graph.Use }

// WindowRef is the typed handle of a window store.
type WindowRef[K, V any] struct{ use graph.Use }

// KeyValueHandle makes a handle; it is for topology alone.
func KeyValueHandle[K, V any](name string) KeyValueRef[K, V] {
	return KeyValueRef[K, V]{graph.Use{Kind: "key-value", Name: name}}
}

// WindowHandle makes a handle; it is for topology alone.
func WindowHandle[K, V any](name string) WindowRef[K, V] {
	return WindowRef[K, V]{graph.Use{Kind: "window", Name: name}}
}

// Use is what the handle names.
func (r KeyValueRef[K, V]) Use() graph.Use { return r.use }

// Use is what the handle names.
func (r WindowRef[K, V]) Use() graph.Use { return r.use }
