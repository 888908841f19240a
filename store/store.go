package store

import (
	"iter"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

// Entry is a row and the time of the record that wrote it.
type Entry[K, V any] struct {
	Key   K
	Value V
	Time  record.Time
}

// KeyValue is a row per key, as code in its task sees it. Nothing returns an error: if a read or
// a write fails, the failure sticks to the task, reads go on as if nothing were there, and the
// task fails before anything of it is committed. It belongs to its task's goroutine.
type KeyValue[K, V any] interface {
	Get(key K) (value V, ok bool)
	Entry(key K) (e Entry[K, V], ok bool)
	// Put writes the row with the current record's time.
	Put(key K, value V)
	PutAt(key K, value V, at record.Time)
	Delete(key K)
	// All is every row in the order of key bytes (unsigned), as of the call: writes while
	// iterating are not seen.
	All() iter.Seq2[K, V]
	// Backward is All from the last to the first.
	Backward() iter.Seq2[K, V]
	// Scan is the rows of a range, under the rules of All: Scan(store.Between(a, b)).
	Scan(r Range[K]) iter.Seq2[K, V]
	// Prefix is the rows whose keys' bytes begin with p, under the rules of All.
	Prefix(p []byte) iter.Seq2[K, V]
	// Entries is All with times.
	Entries() iter.Seq[Entry[K, V]]
}

// Window is a row per key and window start, under the rules of KeyValue. Rows whose start is not
// within the retention of the latest start written are not there.
type Window[K, V any] interface {
	Get(key K, start record.Time) (value V, ok bool)
	Entry(key K, start record.Time) (e Entry[windowing.Key[K], V], ok bool)
	// Put writes the row with the current record's time.
	Put(key K, start record.Time, value V)
	PutAt(key K, start record.Time, value V, at record.Time)
	Delete(key K, start record.Time)
	// Range is one key's windows that start in [from, to], by start.
	Range(key K, from, to record.Time) iter.Seq2[windowing.Key[K], V]
	// All is every window that starts in [from, to], by start, then key bytes.
	All(from, to record.Time) iter.Seq2[windowing.Key[K], V]
	// Entries is All with times.
	Entries(from, to record.Time) iter.Seq[Entry[windowing.Key[K], V]]
}
