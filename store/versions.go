package store

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/pitwheel/pitwheel/record"
)

// The versions of a key are one row, from the latest to the oldest, each as
//
//	from, 8 bytes big endian | size of the value and one, uvarint; 0: deleted | value
//
// A version is valid until the one before it in the row begins.

// EndOfTime is until when the latest version of a key is valid.
const EndOfTime = record.Time(math.MaxInt64)

var errVersions = errors.New("store: the versions of a key do not decode")

// rawVersion is a version as it is stored.
type rawVersion struct {
	from, to record.Time
	value    []byte // nil: deleted
}

// versionReader walks over the versions in a row.
type versionReader struct {
	rest []byte
	at   rawVersion
	err  error
}

func readVersions(row []byte) versionReader {
	return versionReader{rest: row, at: rawVersion{from: EndOfTime}}
}

// next moves to the next older version.
func (r *versionReader) next() bool {
	if len(r.rest) == 0 || r.err != nil {
		return false
	}
	if len(r.rest) < timeBytes {
		r.err = errVersions
		return false
	}
	r.at.to, r.at.from = r.at.from, record.Time(binary.BigEndian.Uint64(r.rest))
	size, n := binary.Uvarint(r.rest[timeBytes:])
	at := timeBytes + n
	if n <= 0 || size > 0 && size-1 > uint64(len(r.rest)-at) {
		r.err = errVersions
		return false
	}
	r.at.value = nil
	if size > 0 {
		end := at + int(size-1)
		r.at.value = r.rest[at:end:end]
		at = end
	}
	r.rest = r.rest[at:]
	return true
}

func appendVersion(dst []byte, from record.Time, value []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(from))
	if value == nil {
		return binary.AppendUvarint(dst, 0)
	}
	return append(binary.AppendUvarint(dst, uint64(len(value))+1), value...)
}

// putVersion appends row to dst with one more version, or another in the place of one of the same
// from, and without those that ended at or before horizon. to is until when the version is valid.
func putVersion(
	dst, row []byte, from record.Time, value []byte, horizon record.Time,
) (put []byte, to record.Time, err error) {
	r := readVersions(row)
	done := false
	to = EndOfTime
	for r.next() {
		if !done && r.at.from <= from {
			dst, done = appendVersion(dst, from, value), true
			r.at.to = from
		}
		if r.at.from == from {
			continue
		}
		if !done {
			to = r.at.from
		}
		// The latest version is never forgotten: nothing ends it.
		if r.at.to > horizon {
			dst = appendVersion(dst, r.at.from, r.at.value)
		}
	}
	if !done {
		dst = appendVersion(dst, from, value)
	}
	return dst, to, r.err
}

// pruneVersions is row without the versions that ended at or before horizon, and without a last
// deletion from before it: nothing can be asked or put there any more. It returns nil where nothing
// is to go, an empty slice where all is.
func pruneVersions(row []byte, horizon record.Time) (pruned []byte, err error) {
	kept := 0
	r := readVersions(row)
	for r.next() {
		if r.at.to > horizon && (r.at.value != nil || r.at.from > horizon) {
			kept = len(row) - len(r.rest)
		}
	}
	if r.err != nil || kept == len(row) {
		return nil, r.err
	}
	return append([]byte{}, row[:kept]...), nil
}

// versionAt is the version that was valid at that time; ok is false if there was none.
func versionAt(row []byte, at record.Time) (v rawVersion, ok bool, err error) {
	r := readVersions(row)
	for r.next() {
		if r.at.from <= at {
			return r.at, r.at.value != nil, nil
		}
	}
	return v, false, r.err
}

// latestFrom is from when the latest version in a row is valid; the row has one.
func latestFrom(row []byte) record.Time { return record.Time(binary.BigEndian.Uint64(row)) }

// versionsIn are the versions that were valid at some time in [from, to], from the latest to the
// oldest. Of what ended at or before horizon there is none.
func versionsIn(row []byte, from, to, horizon record.Time) (found []rawVersion, err error) {
	r := readVersions(row)
	for r.next() {
		v := r.at
		latest := v.to == EndOfTime
		if v.value == nil || v.from > to || v.to <= from {
			continue
		}
		if latest || to >= horizon && v.to > horizon {
			found = append(found, v)
		}
	}
	return found, r.err
}
