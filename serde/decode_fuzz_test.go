package serde

import (
	"bytes"
	"testing"
)

// FuzzDecode feeds each decoder anything. None may panic or keep its data, and what it accepts
// must come back as the same value; where a value has one form only, as the same bytes.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "\x00", "\x01", "\xff\xff\xff\xff", "12345678", "123e4567-e89b-12d3-a456-426614174000",
		`{"page":"a","bot":true,"n":7}`, `null`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		canonical(t, String(), data)
		canonical(t, Bind(String(), "in", Key), data)
		canonical(t, Bytes(), data)
		canonical(t, Bool(), data)
		canonical(t, Int32(), data)
		canonical(t, Int64(), data)
		canonical(t, Float32(), data)
		canonical(t, Float64(), data)
		canonical(t, Nullable(Int64()), data)
		stable(t, UUID(), data) // the digits may be of either case
		stable(t, JSON[view](), data)
		stable(t, JSON[any](), data)
	})
}

// canonical says that data is the one form of its value.
func canonical[T any](t *testing.T, s Serde[T], data []byte) {
	t.Helper()
	if v, err := s.Decode(bytes.Clone(data)); err == nil {
		if got, err := s.Append(nil, v); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%T: %x became %v and then %x, %v", s, data, v, got, err)
		}
	}
}

// stable says that what a value is written as is read and written as the same again.
func stable[T any](t *testing.T, s Serde[T], data []byte) {
	t.Helper()
	v, err := s.Decode(bytes.Clone(data))
	if err != nil {
		return
	}
	first, err := s.Append(nil, v)
	if err != nil {
		t.Fatalf("%T: %x became %v, which does not encode: %v", s, data, v, err)
	}
	again, err := s.Decode(bytes.Clone(first))
	if err != nil {
		t.Fatalf("%T: %x became %x, which does not decode: %v", s, data, first, err)
	}
	if second, err := s.Append(nil, again); err != nil || !bytes.Equal(first, second) {
		t.Errorf("%T: %x became %x and then %x, %v", s, data, first, second, err)
	}
}
