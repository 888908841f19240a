package store

// backend holds the applied rows, in the order of their keys. It belongs to one goroutine, but for
// view.
type backend interface {
	// view may be called by any goroutine until close is.
	view() (view, error)
	// get reads a row; value is valid until the next call.
	get(key []byte) (value []byte, ok bool, err error)
	// iterate walks the rows with from <= key < to as of the call. It must be closed.
	iterate(from, to []byte) (iterator, error)
	// begin starts a batch.
	begin() batch
	// flush returns when everything applied before would survive a crash.
	flush() error
	// unflushed is about how many bytes a crash would lose.
	unflushed() int64
	// size is how many bytes are on disk, and in memory on their way there.
	size() (tables, memTables int64)
	// failure is what went wrong in the background, nil if nothing did.
	failure() error
	close() error
}

// iterator stands on a row after a move returned true. Keys and values are valid until the next
// call.
type iterator interface {
	// seek moves to the first row at or after key. From there on only next may be called.
	seek(key []byte) bool
	next() bool
	// last moves to the last row. From there on only prev may be called.
	last() bool
	prev() bool
	key() []byte
	value() []byte
	// close returns what went wrong; until then an error looks like the end.
	close() error
}

// batch collects changes; later ones count over earlier ones.
type batch interface {
	set(key, value []byte)
	remove(key []byte)
	removeRange(from, to []byte)
	// apply makes all changes at once, or none if it fails. The batch is not used again.
	apply() error
}
