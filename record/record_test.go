package record

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestNewFindsNulls(t *testing.T) {
	one := 1
	t.Run("values", nullsOf(New("k", "v", 1), true, false))
	t.Run("zero values", nullsOf(New("", 0, 1), true, false))
	t.Run("nil pointers", nullsOf(New[*int, *int](nil, nil, 1), false, true))
	t.Run("pointers", nullsOf(New(&one, &one, 1), true, false))
	t.Run("nil slices", nullsOf(New([]byte(nil), []byte(nil), 1), false, true))
	t.Run("empty slices", nullsOf(New([]byte{}, []byte{}, 1), true, false))
	t.Run("Nulls", nullsOf(New(Null[int]{}, Null[int]{}, 1), false, true))
	t.Run("valid Nulls", nullsOf(New(Valid(0), Valid(0), 1), true, false))
}

func nullsOf[K, V any](r Record[K, V], hasKey, isTombstone bool) func(*testing.T) {
	return func(t *testing.T) {
		if r.HasKey() != hasKey || r.IsTombstone() != isTombstone {
			t.Errorf("HasKey %v, IsTombstone %v", r.HasKey(), r.IsTombstone())
		}
	}
}

// R1: null is apart from the zero value, and no With method loses the null of the other half.
func TestWithMethodsKeepTheRest(t *testing.T) {
	h := Headers{{Key: "a", Value: []byte("1")}}
	r := New("k", 7, 5).WithHeaders(h)
	for name, tt := range map[string]struct{ got, want Record[string, int] }{
		"WithKey":                  {r.WithKey("l"), Make("l", false, 7, false, 5, h)},
		"WithValue":                {r.WithValue(0), Make("k", false, 0, false, 5, h)},
		"WithTime":                 {r.WithTime(9), Make("k", false, 7, false, 9, h)},
		"WithHeaders":              {r.WithHeaders(nil), Make("k", false, 7, false, 5, nil)},
		"WithoutKey":               {r.WithoutKey(), Make("", true, 7, false, 5, h)},
		"AsTombstone":              {r.AsTombstone(), Make("k", false, 0, true, 5, h)},
		"a tombstone's WithKey":    {r.AsTombstone().WithKey("l"), Make("l", false, 0, true, 5, h)},
		"a tombstone's WithValue":  {r.AsTombstone().WithValue(1), Make("k", false, 1, false, 5, h)},
		"a null key's WithValue":   {r.WithoutKey().WithValue(1), Make("", true, 1, false, 5, h)},
		"a null key's WithKey":     {r.WithoutKey().WithKey("l"), Make("l", false, 7, false, 5, h)},
		"a null key's AsTombstone": {r.WithoutKey().AsTombstone(), Make("", true, 0, true, 5, h)},
	} {
		if !tt.got.Equal(tt.want) || tt.got.Key() != tt.want.Key() || tt.got.Value() != tt.want.Value() {
			t.Errorf("%s: %v, want %v", name, tt.got, tt.want)
		}
	}
	if !r.Equal(Make("k", false, 7, false, 5, h)) {
		t.Errorf("the record itself has changed: %v", r)
	}
}

func TestWithKeyAndValueOfOtherTypesFindNulls(t *testing.T) {
	r := New("k", 7, 5)
	if got := r.WithKey([]byte(nil)); got.HasKey() {
		t.Error("a nil key is there")
	}
	if got := r.WithValue[*int](nil); !got.IsTombstone() {
		t.Error("a nil value is no tombstone")
	}
}

func TestEqualTellsNullFromZero(t *testing.T) {
	r := New("", 0, 5)
	for name, other := range map[string]Record[string, int]{
		"null key":   r.WithoutKey(),
		"null value": r.AsTombstone(),
		"time":       r.WithTime(6),
		"headers":    r.WithHeaders(Headers{{Key: "a"}}),
		"key":        r.WithKey("k"),
		"value":      r.WithValue(1),
	} {
		if r.Equal(other) || cmp.Equal(r, other) {
			t.Errorf("%s: equal", name)
		}
	}
	if !r.Equal(New("", 0, 5)) || !r.AsTombstone().Equal(r.WithValue(9).AsTombstone()) {
		t.Error("equal records differ")
	}
}

func TestRecordString(t *testing.T) {
	h := Headers{{Key: "a", Value: []byte("1")}}
	for want, r := range map[string]Record[string, int]{
		`k = 7 @ 1970-01-01T00:00:00.005Z`:         New("k", 7, 5),
		`null = null @ 1970-01-01T00:00:00Z`:       New("k", 7, 0).WithoutKey().AsTombstone(),
		`k = 7 @ 1969-12-31T23:59:59.999Z [a="1"]`: New("k", 7, -1).WithHeaders(h),
	} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	var none Headers
	if _, ok := none.Get("a"); ok {
		t.Error("no headers have one")
	}
	one := none.With("a", []byte("1"))
	two := one.With("b", nil).With("a", []byte("2"))
	if v, ok := two.Get("a"); !ok || string(v) != "2" {
		t.Errorf("Get gave %q, %v; want the last, 2", v, ok)
	}
	if v, ok := two.Get("b"); !ok || v != nil {
		t.Errorf("Get gave %q, %v; want null", v, ok)
	}
	if len(none) != 0 || len(one) != 1 || len(two) != 3 {
		t.Errorf("With changed what it was called on: %v, %v, %v", none, one, two)
	}
	// Two headers made of one do not share what they are appended to.
	left, right := one.With("l", nil), one.With("r", nil)
	if left[1].Key != "l" || right[1].Key != "r" {
		t.Errorf("one wrote over the other: %v, %v", left, right)
	}
	if got := two.String(); got != `[a="1" b="" a="2"]` {
		t.Errorf("String gave %s", got)
	}
	for name, other := range map[string]Headers{
		"order":      {{Key: "b"}, {Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}},
		"null value": {{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte{}}, {Key: "a", Value: []byte("2")}},
		"shorter":    one,
	} {
		if two.Equal(other) {
			t.Errorf("%s: %v equals %v", name, two, other)
		}
	}
	if !none.Equal(Headers{}) || !two.Equal(one.With("b", nil).With("a", []byte("2"))) {
		t.Error("equal headers differ")
	}
}

func TestTime(t *testing.T) {
	if got := TimeOf(time.Date(1970, 1, 1, 0, 0, 1, 234_999_999, time.UTC)); got != 1234 {
		t.Errorf("TimeOf gave %d, want it cut to 1234", got)
	}
	if got := Time(1234).Add(1999 * time.Microsecond); got != 1235 {
		t.Errorf("Add gave %d, want the span cut to 1 ms", got)
	}
	if got := Time(1234).Add(-time.Second); got != 234 {
		t.Errorf("Add gave %d, want 234", got)
	}
	if got := Time(1234).String(); got != "1970-01-01T00:00:01.234Z" {
		t.Errorf("String gave %s", got)
	}
	for _, at := range []Time{math.MinInt64, math.MaxInt64} {
		if at.String() == "" {
			t.Errorf("%d has no text", at)
		}
	}
	// A Duration reaches 292 years.
	within := rapid.Int64Range(-1<<52, 1<<52)
	rapid.Check(t, func(t *rapid.T) {
		a, b := Time(within.Draw(t, "a")), Time(within.Draw(t, "b"))
		if got := TimeOf(a.Time()); got != a {
			t.Fatalf("%d became %d", a, got)
		}
		if span := int64(a - b); span > math.MinInt64/1_000_000 && span < math.MaxInt64/1_000_000 && b.Add(a.Sub(b)) != a {
			t.Fatalf("%d + (%d - %d) = %d", b, a, b, b.Add(a.Sub(b)))
		}
	})
}

func TestTaskID(t *testing.T) {
	if got := (TaskID{Subtopology: 2, Partition: 13}).String(); got != "2_13" {
		t.Errorf("got %q", got)
	}
}

func TestRawSizeGrowsWithWhatItHolds(t *testing.T) {
	empty := Raw{}
	full := Raw{
		Key: make([]byte, 10), Value: make([]byte, 100),
		Headers: Headers{{Key: strings.Repeat("k", 20), Value: make([]byte, 1000)}},
	}
	if grown := full.Size() - empty.Size(); empty.Size() <= 0 || grown < 1130 || grown > 1300 {
		t.Errorf("%d empty, %d more for 1130 bytes and a header", empty.Size(), grown)
	}
}
