package changelog

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pitwheel/pitwheel/record"
)

// MaxMetadata is the broker's default bound of a partition's offset metadata, in bytes. Kafka:
// offset.metadata.max.bytes.
const MaxMetadata = 4096

// The names of our own entries in the metadata's map; Kafka Streams' own are names of stores.
const (
	seqName        = "pitwheel.seq"
	ownerName      = "pitwheel.owner"
	inputName      = "pitwheel.input"
	changelogsName = "pitwheel.changelogs"
	storesName     = "pitwheel.stores"
	positionPrefix = "pitwheel.changelog."
)

// metadataVersion is Kafka Streams' TopicPartitionMetadata.LATEST_MAGIC_BYTE.
const metadataVersion = 2

// Metadata is what is committed beside an offset. Format: docs/format/commit-metadata.md.
type Metadata struct {
	PartitionTime record.Time            // the highest event time of the partition; -1: none
	Seq           int64                  // the commit's number; 0: not written by pitwheel
	Owner         int64                  // who committed: tells two commits of one number apart
	Positions     map[string]int64       // by store: the changelog offset after the last record
	Marks         map[string]record.Time // by store: until when windows were emitted on close

	// What the commit belongs to, each a number of many bits; 0: not known.
	Input      int64 // of the id of the partition's topic
	Changelogs int64 // of the ids of the task's changelogs
	Stores     int64 // of the layouts of its logged stores
}

// Encode is the metadata as Kafka Streams writes its own: base64 of the version, the partition
// time and a map of names to int64, here sorted by name so that the same metadata has the same
// bytes. A Seq of 0 is left out, and its
// Owner with it.
func (m Metadata) Encode() string {
	entries := make(map[string]int64, 2+len(m.Positions)+len(m.Marks))
	if m.Seq != 0 {
		entries[seqName], entries[ownerName] = m.Seq, m.Owner
	}
	for name, of := range map[string]int64{inputName: m.Input, changelogsName: m.Changelogs, storesName: m.Stores} {
		if of != 0 {
			entries[name] = of
		}
	}
	for name, position := range m.Positions {
		entries[positionPrefix+name] = position
	}
	for name, at := range m.Marks {
		entries[name] = int64(at)
	}
	b := binary.BigEndian.AppendUint64([]byte{metadataVersion}, uint64(m.PartitionTime))
	if len(entries) > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(entries)))
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
		b = append(b, name...)
		b = binary.BigEndian.AppendUint64(b, uint64(entries[name]))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// ErrMetadata is wrapped by DecodeMetadata's errors.
var ErrMetadata = errors.New("changelog: not offset metadata of Kafka Streams or pitwheel")

// DecodeMetadata reads what Encode or Kafka Streams wrote. The empty text is metadata that says
// nothing.
func DecodeMetadata(text string) (Metadata, error) {
	m := Metadata{PartitionTime: -1, Positions: map[string]int64{}, Marks: map[string]record.Time{}}
	if text == "" {
		return m, nil
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return m, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if len(b) < 9 || b[0] < 1 || b[0] > metadataVersion {
		return m, fmt.Errorf("%w: %d bytes of version %d", ErrMetadata, len(b), append(b, 0)[0])
	}
	m.PartitionTime = record.Time(binary.BigEndian.Uint64(b[1:]))
	if b[0] == 1 || len(b) == 9 {
		return m, nil
	}
	err = m.decodeEntries(b[9:])
	return m, err
}

// decodeEntries reads the map: a count, then per entry a length, a name and a number.
func (m *Metadata) decodeEntries(b []byte) error {
	if len(b) < 4 {
		return fmt.Errorf("%w: cut short", ErrMetadata)
	}
	n := binary.BigEndian.Uint32(b)
	b = b[4:]
	for ; n > 0; n-- {
		if len(b) < 4 {
			return fmt.Errorf("%w: cut short", ErrMetadata)
		}
		length := uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
		if uint64(len(b)) < length+8 {
			return fmt.Errorf("%w: cut short", ErrMetadata)
		}
		name := string(b[:length])
		value := int64(binary.BigEndian.Uint64(b[length:]))
		b = b[length+8:]
		if position, ok := strings.CutPrefix(name, positionPrefix); ok {
			m.Positions[position] = value
			continue
		}
		switch name {
		case seqName:
			m.Seq = value
		case ownerName:
			m.Owner = value
		case inputName:
			m.Input = value
		case changelogsName:
			m.Changelogs = value
		case storesName:
			m.Stores = value
		default:
			m.Marks[name] = record.Time(value)
		}
	}
	if len(b) > 0 {
		return fmt.Errorf("%w: %d bytes too many", ErrMetadata, len(b))
	}
	return nil
}
