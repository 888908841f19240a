package changelog

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/store"
)

// The window keys are what Kafka Streams 4.3.1's WindowKeySchema.toStoreKeyBinary gave; a session's has its
// end first (SessionKeySchema).
func TestKeysAreAsJavaWritesThem(t *testing.T) {
	tests := []struct {
		name string
		keys store.RowKeys
		key  string
		row  store.FrozenEntry // its times
		want string            // hex
	}{
		{"key-value", store.PlainKeys, "k", store.FrozenEntry{}, "6b"},
		{"key-value, start does not count", store.PlainKeys, "k", store.FrozenEntry{Start: 60000}, "6b"},
		{"key-value, empty key", store.PlainKeys, "", store.FrozenEntry{}, ""},
		{"window", store.WindowKeys, "k", store.FrozenEntry{Start: 1500000000000}, "6b0000015d3ef7980000000000"},
		{"window, empty key", store.WindowKeys, "", store.FrozenEntry{}, "000000000000000000000000"},
		{"window, binary key", store.WindowKeys, "\x00\xff\x01", store.FrozenEntry{Start: 60000}, "00ff01000000000000ea6000000000"},
		{"window, documented example", store.WindowKeys, "home", store.FrozenEntry{Start: 60000}, "686f6d65" + "000000000000ea60" + "00000000"},
		{"session", store.SessionKeys, "k", store.FrozenEntry{Start: 60000, From: 59999}, "6b" + "000000000000ea60" + "000000000000ea5f"},
		{"session, empty key", store.SessionKeys, "", store.FrozenEntry{}, "00000000000000000000000000000000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.row.Key = []byte(tt.key)
			got := AppendKey([]byte("before"), tt.keys, &tt.row)
			if want := "before" + unhex(t, tt.want); string(got) != want {
				t.Errorf("AppendKey = %x, want %x", got, want)
			}
		})
	}
}

func unhex(t *testing.T, text string) string {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func drawRow(t *rapid.T) store.FrozenEntry {
	return store.FrozenEntry{
		Key:   rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "key"),
		Start: record.Time(rapid.Int64Range(0, math.MaxInt64).Draw(t, "start")),
		Value: rapid.OneOf(rapid.Just[[]byte](nil), rapid.SliceOfN(rapid.Byte(), 0, 20)).Draw(t, "value"),
		Time:  record.Time(rapid.Int64().Draw(t, "time")),
	}
}

func drawKeys(t *rapid.T) store.RowKeys {
	return rapid.SampledFrom([]store.RowKeys{store.PlainKeys, store.WindowKeys, store.SessionKeys}).Draw(t, "keys")
}

func TestRowComesBackFromItsRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys, want := drawKeys(t), drawRow(t)
		if keys == store.PlainKeys {
			want.Start = 0
		}
		if keys == store.SessionKeys {
			want.From = record.Time(rapid.Int64Range(0, int64(want.Start)).Draw(t, "from"))
		}
		raw := record.Raw{Key: AppendKey([]byte{}, keys, &want), Value: want.Value, Time: want.Time}
		got, err := Row(keys, &raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// Kafka Streams reads a key's windows as one range of its keys: by start, because a start is big
// endian and never negative.
func TestWindowKeysOfOneKeySortByStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRow(t), drawRow(t)
		b.Key = a.Key
		got := bytes.Compare(AppendKey(nil, store.WindowKeys, &a), AppendKey(nil, store.WindowKeys, &b))
		if want := cmp.Compare(a.Start, b.Start); got != want {
			t.Fatalf("starts %d and %d compare as %d, their keys as %d", a.Start, b.Start, want, got)
		}
	})
}

func TestDifferentRowsHaveDifferentKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRow(t), drawRow(t)
		same := bytes.Equal(a.Key, b.Key) && a.Start == b.Start
		if got := bytes.Equal(AppendKey(nil, store.WindowKeys, &a), AppendKey(nil, store.WindowKeys, &b)); got != same {
			t.Fatalf("rows %+v and %+v: same row %v, same key %v", a, b, same, got)
		}
	})
}

// A row's key may be kept and appended to: it must not reach into the record's suffix.
func TestRowsKeyEndsWhereItEnds(t *testing.T) {
	want := store.FrozenEntry{Key: []byte("k"), Start: 7, Value: []byte{}}
	raw := record.Raw{Key: AppendKey(nil, store.WindowKeys, &want), Value: []byte{}}
	before := slices.Clone(raw.Key)
	row, err := Row(store.WindowKeys, &raw)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(row.Key, "overwritten"...)
	if !bytes.Equal(raw.Key, before) {
		t.Errorf("the record's key became %x, was %x", raw.Key, before)
	}
}

// Stores with duplicates count in the sequence number; it is no part of the row.
func TestSequenceNumberIsPassedOver(t *testing.T) {
	row, err := Row(store.WindowKeys, &record.Raw{Key: []byte(unhex(t, "6b000000000000ea6000000007"))})
	if err != nil {
		t.Fatal(err)
	}
	if string(row.Key) != "k" || row.Start != 60000 {
		t.Errorf("row of key %q at %d, want \"k\" at 60000", row.Key, row.Start)
	}
}

func TestRowErrorsNameOffsetAndCause(t *testing.T) {
	tests := []struct {
		name string
		keys store.RowKeys
		key  []byte
		says string
	}{
		{"no key", store.PlainKeys, nil, "no key"},
		{"no key in a window changelog", store.WindowKeys, nil, "no key"},
		{"too short for a window", store.WindowKeys, make([]byte, 11), "a key of 11 bytes"},
		{"empty in a window changelog", store.WindowKeys, []byte{}, "a key of 0 bytes"},
		{"negative start", store.WindowKeys, []byte(unhex(t, "6b"+"ffffffffffffffff"+"00000000")), "negative window start -1"},
		{"too short for a session", store.SessionKeys, make([]byte, 15), "a key of 15 bytes, a session's has at least 16"},
		{"session that ends before it starts", store.SessionKeys, []byte(unhex(t, "6b"+"0000000000000001"+"0000000000000002")), "a session from 2 to 1"},
		{"session with a negative start", store.SessionKeys, []byte(unhex(t, "6b"+"0000000000000001"+"ffffffffffffffff")), "a session from -1 to 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Row(tt.keys, &record.Raw{Key: tt.key, Offset: 4711})
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "offset 4711") {
				t.Errorf("Row = %v, want an error that says %q and the offset", err, tt.says)
			}
		})
	}
}

func TestNullValueIsADeletedRow(t *testing.T) {
	row, err := Row(store.PlainKeys, &record.Raw{Key: []byte{}, Time: 5})
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(store.FrozenEntry{Key: []byte{}, Time: 5}, row); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func FuzzRow(f *testing.F) {
	f.Add(0, []byte(nil), []byte(nil))
	f.Add(1, []byte("k\x00\x00\x00\x00\x00\x00\xea\x60\x00\x00\x00\x00"), []byte{})
	f.Add(1, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"), []byte("v"))
	f.Add(2, []byte("k\x00\x00\x00\x00\x00\x00\xea\x60\x00\x00\x00\x00\x00\x00\xea\x5f"), []byte("v"))
	f.Fuzz(func(t *testing.T, kind int, key, value []byte) {
		keys := store.RowKeys(max(kind, -kind, 0) % 3)
		row, err := Row(keys, &record.Raw{Key: key, Value: value, Time: 1})
		if err != nil {
			return
		}
		again := AppendKey([]byte{}, keys, &row)
		if keys == store.WindowKeys {
			again = append(again[:len(again)-4], key[len(key)-4:]...) // the sequence number is not kept
		}
		if !bytes.Equal(again, key) {
			t.Errorf("key %x became row %+v, whose key is %x", key, row, again)
		}
		if !bytes.Equal(row.Value, value) || (row.Value == nil) != (value == nil) {
			t.Errorf("value %q became %q", value, row.Value)
		}
	})
}
