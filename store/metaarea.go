package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pitwheel/pitwheel/record"
)

// base is a backend and what its meta area says: a space has one, and a second one in memory if
// a store asks for that.
type base struct {
	backend
	stores map[string]storeRow
	next   uint64 // the next store's number
	cp     Checkpoint
	fresh  bool // no row and no checkpoint was ever applied
}

// openBase reads the meta area; a backend without one gets it.
func openBase(b backend) (*base, error) {
	s := &base{backend: b, stores: map[string]storeRow{}, cp: Checkpoint{Positions: map[string]int64{}}, fresh: true}
	format, ok, err := b.get(metaKey(formatTag, ""))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		err = s.write(metaKey(formatTag, ""), binary.AppendUvarint(nil, formatVersion))
		return s, err
	}
	version, err := decodeNumber(format)
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	if version != formatVersion {
		return nil, fmt.Errorf("%w: it has format %d, this version reads format %d", ErrFormat, version, formatVersion)
	}
	err = s.readMeta()
	return s, err
}

func (s *base) readMeta() error {
	if row, ok, err := s.get(metaKey(checkpointTag, "")); err != nil {
		return err
	} else if ok {
		s.fresh = false
		if s.cp, err = decodeCheckpoint(row); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	from := metaKey(storeTag, "")
	it, err := s.iterate(from, prefixEnd(from))
	if err != nil {
		return err
	}
	for ok := it.seek(from); ok; ok = it.next() {
		name := string(it.key()[len(from):])
		row, err := decodeStoreRow(it.value())
		if err != nil {
			return errors.Join(fmt.Errorf("number of store %q: %w", name, err), it.close())
		}
		s.stores[name] = row
		s.next = max(s.next, row.number+1)
	}
	if err := it.close(); err != nil {
		return err
	}
	_, found, err := s.first([]byte{dataArea}, []byte{dataArea + 1})
	s.fresh = s.fresh && !found
	return err
}

// first is the key of the first row in [from, to).
func (s *base) first(from, to []byte) (key []byte, ok bool, err error) {
	it, err := s.iterate(from, to)
	if err != nil {
		return nil, false, err
	}
	if ok = it.seek(from); ok {
		key = append(key, it.key()...)
	}
	return key, ok, it.close()
}

func (s *base) write(key, value []byte) error {
	b := s.begin()
	b.set(key, value)
	return b.apply()
}

// number is the store's number, given at its first opening. Its row stands before any of the
// store's, so that a crash that keeps one of those keeps it too.
func (s *base) number(name string, as layout) (uint64, error) {
	row, ok := s.stores[name]
	if ok && row.layout != as {
		return 0, fmt.Errorf("store: %q was a %s store and is opened as a %s store: give it another name",
			name, row.layout.name(), as.name())
	}
	if ok {
		return row.number, nil
	}
	row = storeRow{number: s.next, layout: as}
	if err := s.write(metaKey(storeTag, name), row.append(nil)); err != nil {
		return 0, err
	}
	s.stores[name] = row
	s.next++
	return row.number, nil
}

// maxStart is a window store's highest start; -1: none.
func (s *base) maxStart(name string) (record.Time, error) { return readMaxStart(s, name) }

func readMaxStart(from interface {
	get(key []byte) (value []byte, ok bool, err error)
}, name string) (record.Time, error) {
	row, ok, err := from.get(metaKey(maxStartTag, name))
	if err != nil || !ok {
		return -1, err
	}
	start, rest, err := splitStart(row)
	if err == nil && len(rest) > 0 {
		err = errMetaRow
	}
	return start, err
}
