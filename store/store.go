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

// Version is a value and when it was valid: from From, before To.
type Version[V any] struct {
	Value V
	From  record.Time
	To    record.Time // EndOfTime: it is the latest
}

// Versioned is the values of each key over time, under the rules of KeyValue. Times older than the
// store's history before the latest time written, of any key, are not there, but for a key's latest
// version. Kafka Streams: VersionedKeyValueStore (KIP-889).
type Versioned[K, V any] interface {
	// Get is the latest version, unless the key is deleted.
	Get(key K) (v Version[V], ok bool)
	// AsOf is the version that was valid at that time.
	AsOf(key K, at record.Time) (v Version[V], ok bool)
	// Put writes the version that is valid from that time; it need not be the latest. to is until
	// when it is valid. Nothing is written, and ok is false, if at is beyond the history.
	Put(key K, value V, at record.Time) (to record.Time, ok bool)
	// Delete ends at that time what was valid then, which it returns.
	Delete(key K, at record.Time) (v Version[V], ok bool)
	// History is a key's versions that were valid at some time in [from, to], the oldest first, as of
	// the call.
	History(key K, from, to record.Time) iter.Seq[Version[V]]
	// All is the latest version of every key that is not deleted, in the order of key bytes.
	All() iter.Seq2[K, Version[V]]
}

// Session is a row per key and session, under the rules of KeyValue. A session holds its end. Rows whose
// end is not within the retention of the latest end written are not there. Kafka Streams: SessionStore.
type Session[K, V any] interface {
	Get(session windowing.Key[K]) (value V, ok bool)
	Entry(session windowing.Key[K]) (e Entry[windowing.Key[K], V], ok bool)
	// Put writes the row with the current record's time.
	Put(session windowing.Key[K], value V)
	PutAt(session windowing.Key[K], value V, at record.Time)
	Delete(session windowing.Key[K])
	// Range is one key's sessions that have a time in common with [from, to], by end, then start. Kafka
	// Streams: findSessions(key, from, to).
	Range(key K, from, to record.Time) iter.Seq2[windowing.Key[K], V]
	// All is every session that has a time in common with [from, to], each key's by end, then start. How
	// the keys are mixed is the store's.
	All(from, to record.Time) iter.Seq2[windowing.Key[K], V]
	// Entries is All with times.
	Entries(from, to record.Time) iter.Seq[Entry[windowing.Key[K], V]]
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
	// All is every window that starts in [from, to], each key's by start. How the keys are mixed is
	// the store's.
	All(from, to record.Time) iter.Seq2[windowing.Key[K], V]
	// Entries is All with times.
	Entries(from, to record.Time) iter.Seq[Entry[windowing.Key[K], V]]
}
