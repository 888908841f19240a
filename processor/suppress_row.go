package processor

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/pitwheel/pitwheel/record"
)

// A row of a suppression's buffer is what Kafka Streams writes to its changelog (InMemoryTimeOrderedKeyValueChangeBuffer,
// version 3; BufferValue, ProcessorRecordContext), all numbers big endian:
//
//	int64 time, int64 offset, topic, int32 partition, int32 number of headers, each a key and a value,
//	prior value, old value, new value, int64 buffer time
//
// Texts and values have their size before them, int32, which is -1 for null and -2 for an old value that
// is the prior one. The prior value is the old one of the first update that is held.

// SuppressHeaders are on each changelog record of a buffer that is no tombstone.
var SuppressHeaders = record.Headers{{Key: "v", Value: []byte{3}}}

const (
	nullSize  = -1
	priorSize = -2
)

// heldRow is a row taken apart. Its bytes are views.
type heldRow struct {
	time             record.Time
	headers          int    // how many
	rawHeaders       []byte // them
	prior, old, next []byte // nil: null
	bufferTime       record.Time
}

// appendHeldContext appends the part of a row that says which record the update was made of.
func appendHeldContext(dst []byte, at record.Time, m Metadata, h record.Headers) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(at))
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.Offset))
	dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(m.Topic))), m.Topic...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(m.Partition))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(h)))
	for i := range h {
		dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(h[i].Key))), h[i].Key...)
		dst = appendSized(dst, h[i].Value)
	}
	return dst
}

// appendHeldValues appends the rest of a row.
func appendHeldValues(dst, prior, old, next []byte, bufferTime record.Time) []byte {
	dst = appendSized(dst, prior)
	if same := old != nil && prior != nil && bytes.Equal(old, prior); same {
		dst = appendSize(dst, priorSize)
	} else {
		dst = appendSized(dst, old)
	}
	dst = appendSized(dst, next)
	return binary.BigEndian.AppendUint64(dst, uint64(bufferTime))
}

func appendSize(dst []byte, size int32) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(size))
}

// appendSized appends what may be null.
func appendSized(dst, b []byte) []byte {
	if b == nil {
		return appendSize(dst, nullSize)
	}
	return append(appendSize(dst, int32(len(b))), b...)
}

var errHeldRow = errors.New("a row of the suppression's buffer is not what Kafka Streams writes since 2.6 (version 3)")

// splitHeldRow is the inverse of the appends.
func splitHeldRow(row []byte) (h heldRow, err error) {
	r := heldReader{rest: row}
	h.time = record.Time(r.int64())
	r.int64() // offset
	r.sized() // topic
	r.int32() // partition
	h.headers = int(r.int32())
	h.rawHeaders = r.rest
	for i := 0; i < h.headers && !r.bad; i++ {
		r.sized()
		r.sized()
	}
	if !r.bad {
		h.rawHeaders = h.rawHeaders[:len(h.rawHeaders)-len(r.rest)]
	}
	h.prior = r.sized()
	if size := r.int32(); size == priorSize {
		h.old = h.prior
	} else {
		h.old = r.take(size)
	}
	h.next = r.sized()
	h.bufferTime = record.Time(r.int64())
	if r.bad || len(r.rest) > 0 || h.headers < 0 {
		return heldRow{}, errHeldRow
	}
	return h, nil
}

// recordHeaders are the row's headers, with bytes of their own.
func (h *heldRow) recordHeaders() record.Headers {
	if h.headers == 0 {
		return nil
	}
	r := heldReader{rest: bytes.Clone(h.rawHeaders)}
	headers := make(record.Headers, h.headers)
	for i := range headers {
		headers[i].Key, headers[i].Value = string(r.sized()), r.sized()
	}
	return headers
}

// heldBytes is what Kafka Streams takes a row for when a buffer has a limit in bytes
// (computeRecordSize): the texts and values, 28 bytes and the key.
func (h *heldRow) heldBytes(key, row []byte) int64 {
	return int64(len(key) + len(row) - 20 - 8*h.headers)
}

// heldReader reads a row from its beginning.
type heldReader struct {
	rest []byte
	bad  bool // there was not enough
}

func (r *heldReader) take(n int32) []byte {
	if n == nullSize {
		return nil
	}
	if n < 0 || int(n) > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *heldReader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *heldReader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *heldReader) sized() []byte { return r.take(r.int32()) }
