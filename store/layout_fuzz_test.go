package store

import (
	"bytes"
	"maps"
	"testing"

	"github.com/pitwheel/pitwheel/record"
)

// The decoders of what is stored: no bytes make them panic, and what decodes encodes to the same.

func FuzzRow(f *testing.F) {
	f.Add([]byte("12345678value"))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, row []byte) {
		at, value, err := splitRow(row)
		if err != nil {
			if len(row) >= timeBytes {
				t.Fatalf("%x: %v", row, err)
			}
			return
		}
		if got := appendRow(nil, at, value); !bytes.Equal(got, row) {
			t.Fatalf("%x came back as %x", row, got)
		}
	})
}

func FuzzWindowKey(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x09key"))
	f.Add([]byte("\xff\x00\x00\x00\x00\x00\x00\x09key"))
	f.Fuzz(func(t *testing.T, local []byte) {
		start, key, err := splitStart(local)
		if err != nil {
			return
		}
		if got := append(appendStart(nil, start), key...); start < 0 || !bytes.Equal(got, local) {
			t.Fatalf("%x came back as %x, start %d", local, got, start)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	f.Add(Checkpoint{Seq: 3, At: record.Time(4), Positions: map[string]int64{"a": 1, "b": -1}}.row())
	f.Add([]byte{0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, row []byte) {
		c, err := decodeCheckpoint(row)
		if err != nil {
			return
		}
		again, err := decodeCheckpoint(c.row())
		if err != nil || again.Seq != c.Seq || again.At != c.At || !maps.Equal(again.Positions, c.Positions) {
			t.Fatalf("%+v came back as %+v, %v", c, again, err)
		}
	})
}

func FuzzStoreRow(f *testing.F) {
	f.Add(storeRow{number: 300, layout: byStart}.append(nil))
	f.Add([]byte{1, 'x'})
	f.Fuzz(func(t *testing.T, row []byte) {
		s, err := decodeStoreRow(row)
		if err != nil {
			return
		}
		again, err := decodeStoreRow(s.append(nil))
		if err != nil || again != s {
			t.Fatalf("%+v came back as %+v, %v", s, again, err)
		}
	})
}
