package store

import (
	"bytes"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// view is a snapshot: Pebble's own are safe for any goroutine.
func (d *disk) view() (view, error) { return &diskView{of: d, rows: d.db.NewSnapshot()}, nil }

type diskView struct {
	of   *disk
	rows *pebble.Snapshot
}

func (v *diskView) get(key []byte) (value []byte, ok bool, err error) {
	found, closer, err := v.rows.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, v.of.wrap("read", err)
	}
	return bytes.Clone(found), true, v.of.wrap("read", closer.Close())
}

func (v *diskView) iterate(from, to []byte) (iterator, error) {
	it, err := v.rows.NewIter(within(from, to))
	if err != nil {
		return nil, v.of.wrap("iterate", err)
	}
	return &diskIterator{of: v.of, it: it}, nil
}

func (v *diskView) close() error { return v.of.wrap("read", v.rows.Close()) }
