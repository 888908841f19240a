package store

import "github.com/pitwheel/pitwheel/record"

// Frozen is a generation of writes, encoded: later writes don't touch it. See invariant S4.
type Frozen struct {
	// Stores are those with entries or with a higher floor, in the order they were opened.
	Stores []FrozenStore

	generation uint32
}

// FrozenStore is one store's part of a generation.
type FrozenStore struct {
	Name string
	Keys RowKeys
	// Entries are in the order of start, then unsigned key bytes; a key stands once.
	Entries []FrozenEntry
	// Floor, if above zero, is a window store's new lowest start: what starts before it has
	// expired and is removed. It is not written to the changelog: who restores finds the same
	// floor from the starts.
	Floor record.Time

	// Log is of a versioned store what is to be written to the changelog, in the order it was put: a
	// version each, with its key, and its from as Time. Entries are then the keys' whole rows.
	Log []FrozenEntry

	max       record.Time // highest start, or version's from, written so far
	versioned bool
}

// Changelog are the records for the store's changelog, in their order.
func (f *FrozenStore) Changelog() []FrozenEntry {
	if f.versioned {
		return f.Log
	}
	return f.Entries
}

// RowKeys is what a row's key is, beside the bytes.
type RowKeys int

// The kinds of keys.
const (
	PlainKeys   RowKeys = iota
	WindowKeys          // and the window's start
	SessionKeys         // and the session's start and end
)

// FrozenEntry is a row as it is to be written. Its bytes are never changed.
type FrozenEntry struct {
	Key   []byte
	Start record.Time // of a window store; of a session store the session's end
	From  record.Time // of a session store: the session's start
	Value []byte      // nil: deleted
	Time  record.Time
}

func (e *FrozenEntry) id() rowID { return rowID{start: e.Start, from: e.From, key: e.Key} }
