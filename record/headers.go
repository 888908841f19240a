package record

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte // nil: null
}

// Headers are in the order of the record; a key may repeat.
type Headers []Header

// Get returns the last header of that key.
func (h Headers) Get(key string) (value []byte, ok bool) {
	for _, x := range slices.Backward(h) {
		if x.Key == key {
			return x.Value, true
		}
	}
	return nil, false
}

// With returns a copy with one more header.
func (h Headers) With(key string, value []byte) Headers {
	return append(slices.Clone(h), Header{Key: key, Value: value})
}

// Equal says whether both hold the same headers in the same order; null and empty values differ.
func (h Headers) Equal(o Headers) bool {
	return slices.EqualFunc(h, o, func(a, b Header) bool {
		return a.Key == b.Key && (a.Value == nil) == (b.Value == nil) && bytes.Equal(a.Value, b.Value)
	})
}

// String is "[key=value ...]".
func (h Headers) String() string {
	var s strings.Builder
	s.WriteByte('[')
	for i, x := range h {
		if i > 0 {
			s.WriteByte(' ')
		}
		fmt.Fprintf(&s, "%s=%q", x.Key, x.Value)
	}
	s.WriteByte(']')
	return s.String()
}
