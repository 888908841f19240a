package store

import (
	"encoding/binary"
	"errors"

	"github.com/pitwheel/pitwheel/record"
)

// The layout of a backend's keys. Keys of the meta area:
//
//	0 'f'        the format's version
//	0 'c'        the checkpoint
//	0 's' name   a store's number and kind
//	0 'm' name   a window store's highest start
//	0 'i' name   that the store's index by time has all of its rows
//	0 'u' key    what SetMeta wrote
//
// Keys of the data area, number as a uvarint, start as 8 bytes big endian:
//
//	1 number key                 a key-value store's row, or a key's versions
//	1 number start key           a row of a window store by start
//	1 number segment key start   a row of a window store by key: the segment is its first start
//	1 number segment start key   that there is such a row: its index by time
//	1 number segment key end start   a row of a session store, which stands by its end
//	1 number segment end start key   that there is such a row: its index by time
//
// A row's value is its time, 8 bytes big endian, and the value's bytes; those of versions are in
// versions.go.
const (
	metaArea = 0
	dataArea = 1

	formatTag     = 'f'
	checkpointTag = 'c'
	storeTag      = 's'
	maxStartTag   = 'm'
	indexTag      = 'i'
	userTag       = 'u'

	formatVersion = 1
	startBytes    = 8
	timeBytes     = 8
)

// layout is how a store's rows are keyed, as its letter in the meta area.
type layout byte

const (
	byKey         layout = 'k'
	byStart       layout = 'w'
	byKeyAndStart layout = 'r'
	byTimeAndKey  layout = 't' // the index of a byKeyAndStart
	bySession     layout = 's'
	bySessionTime layout = 'e' // the index of a bySession
	byVersions    layout = 'v'
)

// name is for messages; empty for a letter of no layout.
func (l layout) name() string {
	switch l {
	case byKey:
		return "key-value"
	case byStart:
		return "window"
	case byKeyAndStart:
		return "window (by key)"
	case bySession:
		return "session"
	case byTimeAndKey, bySessionTime:
		return "time index"
	case byVersions:
		return "versioned"
	}
	return ""
}

// windowed says that rows have a start, and stand in segments of starts.
func (l layout) windowed() bool { return l == byStart || l.segmented() }

// segmented says that a segment is an interval of starts.
func (l layout) segmented() bool { return l == byKeyAndStart || l == bySession || l.indexes() }

// indexes says that the rows are an index by time.
func (l layout) indexes() bool { return l == byTimeAndKey || l == bySessionTime }

// keys is what a row's key has.
func (l layout) keys() RowKeys {
	switch {
	case l == bySession:
		return SessionKeys
	case l.windowed():
		return WindowKeys
	}
	return PlainKeys
}

// timed says that the store has a highest time, which is kept in the meta area.
func (l layout) timed() bool { return l != byKey }

func metaKey(tag byte, name string) []byte {
	return append([]byte{metaArea, tag}, name...)
}

// dataPrefix begins the keys of the rows of the store with that number. Numbers are written so
// that none is the beginning of another.
func dataPrefix(number uint64) []byte {
	return binary.AppendUvarint([]byte{dataArea}, number)
}

// prefixEnd is the least key after all that begin with prefix. Its first byte is not 255.
func prefixEnd(prefix []byte) []byte {
	n := len(prefix)
	for prefix[n-1] == 0xff {
		n--
	}
	end := append([]byte(nil), prefix[:n]...)
	end[n-1]++
	return end
}

func appendStart(dst []byte, start record.Time) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(start))
}

func appendRow(dst []byte, at record.Time, value []byte) []byte {
	return append(binary.BigEndian.AppendUint64(dst, uint64(at)), value...)
}

var (
	errShortRow   = errors.New("store: a stored row is shorter than its time")
	errShortStart = errors.New("store: a stored window key is shorter than its times, or one of them is negative")
	errMetaRow    = errors.New("store: a row of the meta area does not decode")
)

// splitRow is the inverse of appendRow; value is a view.
func splitRow(row []byte) (at record.Time, value []byte, err error) {
	if len(row) < timeBytes {
		return 0, nil, errShortRow
	}
	return record.Time(binary.BigEndian.Uint64(row)), row[timeBytes:], nil
}

// splitStart takes the start off a window store's local key.
func splitStart(local []byte) (start record.Time, key []byte, err error) {
	if len(local) < startBytes || local[0] >= 1<<7 {
		return 0, nil, errShortStart
	}
	return record.Time(binary.BigEndian.Uint64(local)), local[startBytes:], nil
}
