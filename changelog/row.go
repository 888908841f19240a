package changelog

import (
	"encoding/binary"
	"fmt"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// What follows the key's bytes: of a window's row the start (8 bytes) and a sequence number (4 bytes),
// which is 0 for stores without duplicates; of a session's row its end and its start (8 bytes each).
// Kafka: WindowKeySchema, SessionKeySchema.
const (
	windowSuffix  = 8 + 4
	sessionSuffix = 8 + 8
)

// AppendKey appends the record key of a row to dst.
func AppendKey(dst []byte, keys store.RowKeys, row *store.FrozenEntry) []byte {
	dst = append(dst, row.Key...)
	switch keys {
	case store.WindowKeys:
		dst = binary.BigEndian.AppendUint64(dst, uint64(row.Start))
		dst = binary.BigEndian.AppendUint32(dst, 0)
	case store.SessionKeys:
		dst = binary.BigEndian.AppendUint64(dst, uint64(row.Start))
		dst = binary.BigEndian.AppendUint64(dst, uint64(row.From))
	}
	return dst
}

// Row is the row that a changelog record stands for. Its bytes are those of the record. Error: the
// record cannot be of such a store.
func Row(keys store.RowKeys, raw *record.Raw) (store.FrozenEntry, error) {
	row := store.FrozenEntry{Key: raw.Key, Value: raw.Value, Time: raw.Time}
	if raw.Key == nil {
		return row, fmt.Errorf("changelog record at offset %d has no key: it is not of this store", raw.Offset)
	}
	kind, suffix := "window", windowSuffix
	switch keys {
	case store.PlainKeys:
		return row, nil
	case store.SessionKeys:
		kind, suffix = "session", sessionSuffix
	}
	at := len(raw.Key) - suffix
	if at < 0 {
		return row, fmt.Errorf("changelog record at offset %d has a key of %d bytes, a %s's has at least %d",
			raw.Offset, len(raw.Key), kind, suffix)
	}
	start := int64(binary.BigEndian.Uint64(raw.Key[at:]))
	if keys == store.SessionKeys {
		row.From = record.Time(binary.BigEndian.Uint64(raw.Key[at+8:]))
		if row.From < 0 || start < int64(row.From) {
			return row, fmt.Errorf("changelog record at offset %d is of a session from %d to %d, which cannot be",
				raw.Offset, row.From, start)
		}
	}
	if start < 0 {
		return row, fmt.Errorf("changelog record at offset %d has a negative window start %d", raw.Offset, start)
	}
	row.Key, row.Start = raw.Key[:at:at], record.Time(start)
	return row, nil
}
