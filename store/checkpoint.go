package store

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/pitwheel/pitwheel/record"
)

// Checkpoint is where the state stands.
type Checkpoint struct {
	// Seq is the number of the last commit that was applied; 0: none yet.
	Seq int64
	// Positions is by store name the changelog offset up to which the store is complete. A store
	// without a changelog, and one in memory after the space was opened anew, has none: it is
	// restored from the beginning. Kafka Streams: the .checkpoint file.
	Positions map[string]int64
	// At is the wall clock's time of that commit; 0: unknown. A checkpoint that is too old must not
	// be gone on from: its changelog may have forgotten deletions.
	At record.Time
}

func (c Checkpoint) clone() Checkpoint {
	return Checkpoint{c.Seq, maps.Clone(c.Positions), c.At}
}

// row is the checkpoint's row: seq, time and number of positions as varints, then by name
// each name with its length before it and its position.
func (c Checkpoint) row() []byte {
	dst := binary.AppendVarint(nil, c.Seq)
	dst = binary.AppendVarint(dst, int64(c.At))
	dst = binary.AppendUvarint(dst, uint64(len(c.Positions)))
	for _, name := range slices.Sorted(maps.Keys(c.Positions)) {
		dst = binary.AppendUvarint(dst, uint64(len(name)))
		dst = append(dst, name...)
		dst = binary.AppendVarint(dst, c.Positions[name])
	}
	return dst
}

func decodeCheckpoint(row []byte) (Checkpoint, error) {
	r := rowReader{rest: row}
	c := Checkpoint{Seq: r.varint(), At: record.Time(r.varint()), Positions: map[string]int64{}}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		name := string(r.bytes(r.uvarint()))
		c.Positions[name] = r.varint()
	}
	return c, r.end()
}

// storeRow is what the meta area says of a store.
type storeRow struct {
	number uint64
	layout layout
}

func (s storeRow) append(dst []byte) []byte {
	return append(binary.AppendUvarint(dst, s.number), byte(s.layout))
}

func decodeStoreRow(row []byte) (s storeRow, err error) {
	r := rowReader{rest: row}
	s.number = r.uvarint()
	kind := r.bytes(1)
	if err := r.end(); err != nil {
		return s, err
	}
	s.layout = layout(kind[0])
	if s.layout.name() == "" {
		return s, errMetaRow
	}
	return s, nil
}

// decodeNumber is the one number that a row of the meta area holds, as a uvarint.
func decodeNumber(row []byte) (uint64, error) {
	r := rowReader{rest: row}
	n := r.uvarint()
	return n, r.end()
}

// rowReader takes a row apart; what is missing reads as zero and end reports it.
type rowReader struct {
	rest []byte
	bad  bool
}

func (r *rowReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.skip(n)
	return v
}

func (r *rowReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	r.skip(n)
	return v
}

func (r *rowReader) skip(n int) {
	if n <= 0 {
		r.bad, r.rest = true, nil
		return
	}
	r.rest = r.rest[n:]
}

func (r *rowReader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// end is an error if something was missing or is left over.
func (r *rowReader) end() error {
	if r.bad || len(r.rest) > 0 {
		return errMetaRow
	}
	return nil
}
