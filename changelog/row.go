package changelog

import (
	"encoding/binary"
	"fmt"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// windowSuffix is what follows the key of a window row: the start (8 bytes) and a sequence number
// (4 bytes), which is 0 for stores without duplicates. Kafka: WindowKeySchema.
const windowSuffix = 8 + 4

// AppendKey appends the record key of a row to dst.
func AppendKey(dst []byte, window bool, row *store.FrozenEntry) []byte {
	dst = append(dst, row.Key...)
	if window {
		dst = binary.BigEndian.AppendUint64(dst, uint64(row.Start))
		dst = binary.BigEndian.AppendUint32(dst, 0)
	}
	return dst
}

// Row is the row that a changelog record stands for. Its bytes are those of the record. Error: the
// record cannot be of such a store.
func Row(window bool, raw *record.Raw) (store.FrozenEntry, error) {
	row := store.FrozenEntry{Key: raw.Key, Value: raw.Value, Time: raw.Time}
	if raw.Key == nil {
		return row, fmt.Errorf("changelog record at offset %d has no key: it is not of this store", raw.Offset)
	}
	if !window {
		return row, nil
	}
	at := len(raw.Key) - windowSuffix
	if at < 0 {
		return row, fmt.Errorf("changelog record at offset %d has a key of %d bytes, a window's has at least %d",
			raw.Offset, len(raw.Key), windowSuffix)
	}
	start := int64(binary.BigEndian.Uint64(raw.Key[at:]))
	if start < 0 {
		return row, fmt.Errorf("changelog record at offset %d has a negative window start %d", raw.Offset, start)
	}
	row.Key, row.Start = raw.Key[:at:at], record.Time(start)
	return row, nil
}
