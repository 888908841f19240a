package record

// FixedKey is a Record whose key cannot be changed, so that what is partitioned by its key stays so
// behind the step. It cannot be made, only changed. Kafka:
// org.apache.kafka.streams.processor.api.FixedKeyRecord.
type FixedKey[K, V any] struct{ r Record[K, V] }

// Fix is r with its key fixed; it is for the engine.
func Fix[K, V any](r Record[K, V]) FixedKey[K, V] { return FixedKey[K, V]{r} }

// Free is the record of r; it is for the engine.
func Free[K, V any](r FixedKey[K, V]) Record[K, V] { return r.r }

// Key is the zero value if the key is null.
func (r FixedKey[K, V]) Key() K { return r.r.key }

// Value is the zero value if the value is null.
func (r FixedKey[K, V]) Value() V { return r.r.value }

// Time is the event time.
func (r FixedKey[K, V]) Time() Time { return r.r.time }

// Headers are not to be changed in place.
func (r FixedKey[K, V]) Headers() Headers { return r.r.headers }

// HasKey is false where the key is null.
func (r FixedKey[K, V]) HasKey() bool { return !r.r.noKey }

// IsTombstone is true where the value is null.
func (r FixedKey[K, V]) IsTombstone() bool { return r.r.noValue }

// WithValue returns a copy with another value.
func (r FixedKey[K, V]) WithValue[V2 any](value V2) FixedKey[K, V2] { return Fix(r.r.WithValue(value)) }

// WithTime returns a copy with another event time.
func (r FixedKey[K, V]) WithTime(at Time) FixedKey[K, V] { return Fix(r.r.WithTime(at)) }

// WithHeaders returns a copy with those headers.
func (r FixedKey[K, V]) WithHeaders(h Headers) FixedKey[K, V] { return Fix(r.r.WithHeaders(h)) }

// AsTombstone returns a copy whose value is null.
func (r FixedKey[K, V]) AsTombstone() FixedKey[K, V] { return Fix(r.r.AsTombstone()) }

// String is the record's text, for logs and tests.
func (r FixedKey[K, V]) String() string { return r.r.String() }
