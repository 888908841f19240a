package record

import (
	"fmt"
	"reflect"
)

// Record is a key, a value, an event time and headers. It knows whether its key or value was
// null, whatever their types: that is why it has methods and no fields (a value assigned over a
// tombstone would still be a tombstone). Kafka: org.apache.kafka.streams.processor.api.Record.
type Record[K, V any] struct {
	key            K
	value          V
	time           Time
	headers        Headers
	noKey, noValue bool
}

// New makes a record without headers. A nil pointer, slice, map or interface and an invalid Null
// are null.
func New[K, V any](key K, value V, at Time) Record[K, V] {
	return Record[K, V]{key: key, value: value, time: at, noKey: IsNull(key), noValue: IsNull(value)}
}

// Make is New with everything said: the engine's form, which looks at nothing.
func Make[K, V any](key K, noKey bool, value V, noValue bool, at Time, h Headers) Record[K, V] {
	return Record[K, V]{key: key, value: value, time: at, headers: h, noKey: noKey, noValue: noValue}
}

// Key is the zero value if the key is null.
func (r Record[K, V]) Key() K { return r.key }

// Value is the zero value if the value is null.
func (r Record[K, V]) Value() V { return r.value }

// Time is the event time.
func (r Record[K, V]) Time() Time { return r.time }

// Headers are not to be changed in place.
func (r Record[K, V]) Headers() Headers { return r.headers }

// HasKey is false where the key is null.
func (r Record[K, V]) HasKey() bool { return !r.noKey }

// IsTombstone is true where the value is null: read as such, made by AsTombstone, or a nil
// pointer, slice, map or interface, or an invalid Null.
func (r Record[K, V]) IsTombstone() bool { return r.noValue }

// WithKey returns a copy with another key.
func (r Record[K, V]) WithKey[K2 any](key K2) Record[K2, V] {
	return Make(key, IsNull(key), r.value, r.noValue, r.time, r.headers)
}

// WithValue returns a copy with another value.
func (r Record[K, V]) WithValue[V2 any](value V2) Record[K, V2] {
	return Make(r.key, r.noKey, value, IsNull(value), r.time, r.headers)
}

// WithTime returns a copy with another event time.
func (r Record[K, V]) WithTime(at Time) Record[K, V] {
	r.time = at
	return r
}

// WithHeaders returns a copy with these headers in place of its own.
func (r Record[K, V]) WithHeaders(h Headers) Record[K, V] {
	r.headers = h
	return r
}

// WithoutKey returns a copy whose key is null.
func (r Record[K, V]) WithoutKey() Record[K, V] {
	var none K
	r.key, r.noKey = none, true
	return r
}

// AsTombstone returns a copy whose value is null.
func (r Record[K, V]) AsTombstone() Record[K, V] {
	var none V
	r.value, r.noValue = none, true
	return r
}

// Equal compares deeply, for tests: go-cmp calls it.
func (r Record[K, V]) Equal(o Record[K, V]) bool {
	return r.time == o.time && r.noKey == o.noKey && r.noValue == o.noValue &&
		(r.noKey || reflect.DeepEqual(r.key, o.key)) &&
		(r.noValue || reflect.DeepEqual(r.value, o.value)) &&
		r.headers.Equal(o.headers)
}

// String is "key = value @ time", with "null" where there is none, and the headers if there are any.
func (r Record[K, V]) String() string {
	key, value := "null", "null"
	if !r.noKey {
		key = fmt.Sprint(r.key)
	}
	if !r.noValue {
		value = fmt.Sprint(r.value)
	}
	s := key + " = " + value + " @ " + r.time.String()
	if len(r.headers) > 0 {
		s += " " + r.headers.String()
	}
	return s
}
