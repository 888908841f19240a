package store

// view is a backend's rows as of its making, for any goroutine. Views of one backend, and its owner,
// do not wait for each other, but for the time that it takes to make one. It must be closed before
// the backend is.
type view interface {
	// get reads a row; value is the caller's.
	get(key []byte) (value []byte, ok bool, err error)
	// iterate walks the rows with from <= key < to. It must be closed before the view.
	iterate(from, to []byte) (iterator, error)
	close() error
}
