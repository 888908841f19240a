package store

import "bytes"

// Range is a span of keys in the order of their bytes (unsigned), both ends included. The zero
// value is every key. A range whose end stands before its beginning is empty. Kafka Streams:
// ReadOnlyKeyValueStore.range and reverseRange, whose null ends are From's and UpTo's.
type Range[K any] struct {
	from, to       K
	bounded        bounds
	lastRowIsFirst bool
}

// bounds says which ends of a range there are.
type bounds uint8

const (
	hasFrom bounds = 1 << iota
	hasTo
)

// Between is the keys from one to another.
func Between[K any](from, to K) Range[K] {
	return Range[K]{from: from, to: to, bounded: hasFrom | hasTo}
}

// From is the keys from that one on.
func From[K any](from K) Range[K] { return Range[K]{from: from, bounded: hasFrom} }

// UpTo is the keys up to that one.
func UpTo[K any](to K) Range[K] { return Range[K]{to: to, bounded: hasTo} }

// Reverse is the same keys from the last to the first.
func (r Range[K]) Reverse() Range[K] {
	r.lastRowIsFirst = !r.lastRowIsFirst
	return r
}

// spanOf is the range in bytes. It returns false where encode does.
func spanOf[K any](r Range[K], encode func(K) ([]byte, bool)) (s span, ok bool) {
	s.backward = r.lastRowIsFirst
	if r.bounded&hasFrom != 0 {
		b, ok := encode(r.from)
		if !ok {
			return s, false
		}
		s.lo = bytes.Clone(b)
	}
	if r.bounded&hasTo != 0 {
		b, ok := encode(r.to)
		if !ok {
			return s, false
		}
		s.end = append(bytes.Clone(b), 0) // the next key after it
	}
	return s, true
}

// prefixSpan is the keys that begin with prefix.
func prefixSpan(prefix []byte) span {
	s := span{lo: bytes.Clone(prefix)}
	if n := len(bytes.TrimRight(prefix, "\xff")); n > 0 {
		s.end = prefixEnd(s.lo)
	}
	return s
}
