package store

import "github.com/pitwheel/pitwheel/internal/graph"

// Task is what a handle is opened in: a processor's context.
type Task interface{ Lookup(u graph.Use) any }

// KeyValueRef is the typed handle of a key-value store: made by a builder or a table, connected to a
// processor and opened there with In, read by a test.
type KeyValueRef[K, V any] struct{ use graph.Use }

// WindowRef is the typed handle of a window store.
type WindowRef[K, V any] struct{ use graph.Use }

// SessionRef is the typed handle of a session store.
type SessionRef[K, V any] struct{ use graph.Use }

// VersionedRef is the typed handle of a versioned store.
type VersionedRef[K, V any] struct{ use graph.Use }

// KeyValueHandle makes a handle; it is for topology alone.
func KeyValueHandle[K, V any](owner *graph.Owner, name string) KeyValueRef[K, V] {
	return KeyValueRef[K, V]{graph.Use{Kind: "key-value store", Name: name, Owner: owner}}
}

// WindowHandle makes a handle; it is for topology alone.
func WindowHandle[K, V any](owner *graph.Owner, name string) WindowRef[K, V] {
	return WindowRef[K, V]{graph.Use{Kind: "window store", Name: name, Owner: owner}}
}

// SessionHandle makes a handle; it is for topology alone.
func SessionHandle[K, V any](owner *graph.Owner, name string) SessionRef[K, V] {
	return SessionRef[K, V]{graph.Use{Kind: "session store", Name: name, Owner: owner}}
}

// VersionedHandle makes a handle; it is for topology alone.
func VersionedHandle[K, V any](owner *graph.Owner, name string) VersionedRef[K, V] {
	return VersionedRef[K, V]{graph.Use{Kind: "versioned store", Name: name, Owner: owner}}
}

// In opens the store in a task, in the set-up of a processor that is connected with it. A table's
// store is read-only there: a write to it ends the task.
func (r KeyValueRef[K, V]) In(t Task) KeyValue[K, V] { return t.Lookup(r.use).(KeyValue[K, V]) }

// In opens the store in a task, in the set-up of a processor that is connected with it. A table's
// store is read-only there: a write to it ends the task.
func (r WindowRef[K, V]) In(t Task) Window[K, V] { return t.Lookup(r.use).(Window[K, V]) }

// In opens the store in a task, in the set-up of a processor that is connected with it. A table's
// store is read-only there: a write to it ends the task.
func (r SessionRef[K, V]) In(t Task) Session[K, V] { return t.Lookup(r.use).(Session[K, V]) }

// In opens the store in a task, in the set-up of a processor that is connected with it.
func (r VersionedRef[K, V]) In(t Task) Versioned[K, V] { return t.Lookup(r.use).(Versioned[K, V]) }

// Use is what the handle names.
func (r KeyValueRef[K, V]) Use() graph.Use { return r.use }

// Use is what the handle names.
func (r WindowRef[K, V]) Use() graph.Use { return r.use }

// Use is what the handle names.
func (r VersionedRef[K, V]) Use() graph.Use { return r.use }

// Use is what the handle names.
func (r SessionRef[K, V]) Use() graph.Use { return r.use }
