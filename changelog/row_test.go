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

// The window keys are what Kafka Streams 4.3.1's WindowKeySchema.toStoreKeyBinary gave.
func TestKeysAreAsJavaWritesThem(t *testing.T) {
	tests := []struct {
		name   string
		window bool
		key    string
		start  record.Time
		want   string // hex
	}{
		{"key-value", false, "k", 0, "6b"},
		{"key-value, start does not count", false, "k", 60000, "6b"},
		{"key-value, empty key", false, "", 0, ""},
		{"window", true, "k", 1500000000000, "6b0000015d3ef7980000000000"},
		{"window, empty key", true, "", 0, "000000000000000000000000"},
		{"window, binary key", true, "\x00\xff\x01", 60000, "00ff01000000000000ea6000000000"},
		{"window, documented example", true, "home", 60000, "686f6d65" + "000000000000ea60" + "00000000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			row := &store.FrozenEntry{Key: []byte(tt.key), Start: tt.start}
			got := AppendKey([]byte("before"), tt.window, row)
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

func TestRowComesBackFromItsRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window, want := rapid.Bool().Draw(t, "window"), drawRow(t)
		if !window {
			want.Start = 0
		}
		raw := record.Raw{Key: AppendKey([]byte{}, window, &want), Value: want.Value, Time: want.Time}
		got, err := Row(window, &raw)
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
		got := bytes.Compare(AppendKey(nil, true, &a), AppendKey(nil, true, &b))
		if want := cmp.Compare(a.Start, b.Start); got != want {
			t.Fatalf("starts %d and %d compare as %d, their keys as %d", a.Start, b.Start, want, got)
		}
	})
}

func TestDifferentRowsHaveDifferentKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRow(t), drawRow(t)
		same := bytes.Equal(a.Key, b.Key) && a.Start == b.Start
		if got := bytes.Equal(AppendKey(nil, true, &a), AppendKey(nil, true, &b)); got != same {
			t.Fatalf("rows %+v and %+v: same row %v, same key %v", a, b, same, got)
		}
	})
}

// A row's key may be kept and appended to: it must not reach into the record's suffix.
func TestRowsKeyEndsWhereItEnds(t *testing.T) {
	want := store.FrozenEntry{Key: []byte("k"), Start: 7, Value: []byte{}}
	raw := record.Raw{Key: AppendKey(nil, true, &want), Value: []byte{}}
	before := slices.Clone(raw.Key)
	row, err := Row(true, &raw)
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
	row, err := Row(true, &record.Raw{Key: []byte(unhex(t, "6b000000000000ea6000000007"))})
	if err != nil {
		t.Fatal(err)
	}
	if string(row.Key) != "k" || row.Start != 60000 {
		t.Errorf("row of key %q at %d, want \"k\" at 60000", row.Key, row.Start)
	}
}

func TestRowErrorsNameOffsetAndCause(t *testing.T) {
	tests := []struct {
		name   string
		window bool
		key    []byte
		says   string
	}{
		{"no key", false, nil, "no key"},
		{"no key in a window changelog", true, nil, "no key"},
		{"too short for a window", true, make([]byte, 11), "a key of 11 bytes"},
		{"empty in a window changelog", true, []byte{}, "a key of 0 bytes"},
		{"negative start", true, []byte(unhex(t, "6b"+"ffffffffffffffff"+"00000000")), "negative window start -1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Row(tt.window, &record.Raw{Key: tt.key, Offset: 4711})
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "offset 4711") {
				t.Errorf("Row = %v, want an error that says %q and the offset", err, tt.says)
			}
		})
	}
}

func TestNullValueIsADeletedRow(t *testing.T) {
	row, err := Row(false, &record.Raw{Key: []byte{}, Time: 5})
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(store.FrozenEntry{Key: []byte{}, Time: 5}, row); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func FuzzRow(f *testing.F) {
	f.Add(false, []byte(nil), []byte(nil))
	f.Add(true, []byte("k\x00\x00\x00\x00\x00\x00\xea\x60\x00\x00\x00\x00"), []byte{})
	f.Add(true, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"), []byte("v"))
	f.Fuzz(func(t *testing.T, window bool, key, value []byte) {
		row, err := Row(window, &record.Raw{Key: key, Value: value, Time: 1})
		if err != nil {
			return
		}
		again := AppendKey([]byte{}, window, &row)
		if window {
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
