package processor

import (
	"testing"

	"github.com/pitwheel/pitwheel/record"
)

type rec = record.Record[string, int64]

func of(key string, value int64, at record.Time) rec {
	return record.New(key, value, at).WithHeaders(headers)
}

// What a stateless step makes of a record keeps the record's time and headers.
func TestStatelessStepsKeepTimeAndHeaders(t *testing.T) {
	type emit = Emit[string, int64]
	type next = func(*rec) error
	in := []rec{of("a", 1, 10), of("b", 2, 5), of("a", 3, 20)}
	tests := map[string]struct {
		give func(*Step, next) emit
		want []rec
	}{
		"Filter": {
			func(s *Step, n next) emit {
				return Filter(s, func(k string, v int64) bool { return k == "a" && v > 1 }, n)
			},
			[]rec{of("a", 3, 20)},
		},
		"FilterNot": {
			func(s *Step, n next) emit { return FilterNot(s, func(k string, _ int64) bool { return k == "a" }, n) },
			[]rec{of("b", 2, 5)},
		},
		"Map": {
			func(s *Step, n next) emit {
				return Map(s, func(k string, v int64) (string, int64) { return k + k, v * 10 }, n)
			},
			[]rec{of("aa", 10, 10), of("bb", 20, 5), of("aa", 30, 20)},
		},
		"MapValues": {
			func(s *Step, n next) emit {
				return MapValues(s, func(k string, v int64) int64 { return v + int64(k[0]) }, n)
			},
			[]rec{of("a", 98, 10), of("b", 100, 5), of("a", 100, 20)},
		},
		"SelectKey": {
			func(s *Step, n next) emit {
				return SelectKey(s, func(k string, v int64) string { return k + string(rune('0'+v)) }, n)
			},
			[]rec{of("a1", 1, 10), of("b2", 2, 5), of("a3", 3, 20)},
		},
		"FlatMap": {
			func(s *Step, n next) emit {
				return FlatMap(s, func(k string, v int64, emit func(string, int64)) {
					for i := range v - 1 {
						emit(k+"!", i)
					}
				}, n)
			},
			[]rec{of("b!", 0, 5), of("a!", 0, 20), of("a!", 1, 20)},
		},
		"FlatMapValues": {
			func(s *Step, n next) emit {
				return FlatMapValues(s, func(_ string, v int64, emit func(int64)) {
					for i := range v - 1 {
						emit(i)
					}
				}, n)
			},
			[]rec{of("b", 0, 5), of("a", 0, 20), of("a", 1, 20)},
		},
		"Peek": {
			func(s *Step, n next) emit { return Peek(s, func(string, int64) {}, n) },
			in,
		},
		"Pass": {
			func(_ *Step, n next) emit { return Pass(Emit[string, int64](n)) },
			in,
		},
		"Repartition": {
			func(s *Step, n next) emit { return Repartition(s, n) },
			in,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var h fakeHost
			var got collected[string, int64]
			pipe(t, tt.give(h.step("step"), got.emit), in...)
			got.want(t, tt.want...)
			wantReasons(t, &h)
		})
	}
}

// The first function that answers true takes the record; the others are not asked.
func TestSplitGivesToTheFirstThatWants(t *testing.T) {
	var h fakeHost
	var small, even, rest collected[string, int64]
	wants := []func(string, int64) bool{
		func(_ string, v int64) bool { return v < 3 },
		func(_ string, v int64) bool {
			if v < 3 {
				t.Errorf("asked for %d, which is taken", v)
			}
			return v%2 == 0
		},
	}
	next := []Emit[string, int64]{small.emit, even.emit}
	in := []rec{of("a", 1, 1), of("a", 2, 2), of("a", 3, 3), of("a", 4, 4)}
	pipe(t, Split(h.step("split"), wants, next, rest.emit), in...)
	small.want(t, in[0], in[1])
	even.want(t, in[3])
	rest.want(t, in[2])

	// Without a default the record that nobody wants ends here.
	pipe(t, Split(h.step("split"), wants, next, nil), in[2])
	small.want(t, in[0], in[1])
	even.want(t, in[3])
	wantReasons(t, &h)
}

func TestPeekAndForEachSeeEachRecord(t *testing.T) {
	var h fakeHost
	var seen []rec
	see := func(k string, v int64) { seen = append(seen, of(k, v, 0)) }
	in := []rec{of("a", 1, 0), of("b", 2, 0)}
	pipe(t, Peek(h.step("peek"), see, func(*rec) error { return nil }), in...)
	pipe(t, ForEach(h.step("each"), see), in...)
	want := collected[string, int64]{records: append(in, in...)}
	want.want(t, seen...)
}

// A result that is null in a type that holds null is a null of the record.
func TestNullResultsAreNullsOfTheRecord(t *testing.T) {
	type out = record.Record[*string, record.Null[int64]]
	none := func(string, int64) (*string, record.Null[int64]) { return nil, record.Null[int64]{} }
	in := of("a", 1, 7)

	t.Run("Map", func(t *testing.T) {
		var h fakeHost
		var got collected[*string, record.Null[int64]]
		pipe(t, Map(h.step("map"), none, got.emit), in)
		got.want(t, record.Make[*string, record.Null[int64]](nil, true, record.Null[int64]{}, true, 7, headers))
	})
	t.Run("FlatMap", func(t *testing.T) {
		var h fakeHost
		var got collected[*string, record.Null[int64]]
		pipe(t, FlatMap(h.step("map"), func(k string, v int64, emit func(*string, record.Null[int64])) {
			emit(none(k, v))
			emit(text("k"), record.Valid[int64](1))
		}, got.emit), in)
		got.want(t,
			out{}.WithoutKey().AsTombstone().WithTime(7).WithHeaders(headers),
			record.New(text("k"), record.Valid[int64](1), 7).WithHeaders(headers))
	})
	t.Run("SelectKey", func(t *testing.T) {
		var h fakeHost
		var got collected[*string, int64]
		pipe(t, SelectKey(h.step("key"), func(string, int64) *string { return nil }, got.emit), in)
		got.want(t, record.Make[*string, int64](nil, true, 1, false, 7, headers))
	})
	t.Run("MapValues", func(t *testing.T) {
		var h fakeHost
		var got collected[string, []byte]
		pipe(t, MapValues(h.step("values"), func(_ string, v int64) []byte {
			if v == 1 {
				return nil
			}
			return []byte{}
		}, got.emit), in, of("a", 2, 8))
		got.want(t,
			record.Make("a", false, []byte(nil), true, 7, headers),
			record.Make("a", false, []byte{}, false, 8, headers))
	})
}

// A tombstone that a value step's function cannot see stays a tombstone, of the new type, and
// nothing of the record before shows through.
func TestValueStepsPassTombstonesOn(t *testing.T) {
	var h fakeHost
	var got collected[string, string]
	values := MapValues(h.step("values"), func(string, int64) string { return "value" }, got.emit)
	flat := FlatMapValues(h.step("flat"), func(_ string, _ int64, emit func(string)) { emit("value") }, got.emit)
	for _, emit := range []Emit[string, int64]{values, flat} {
		pipe(t, emit, of("a", 1, 7), of("b", 1, 8).AsTombstone(), of("", 1, 9).WithoutKey().AsTombstone())
	}
	want := []record.Record[string, string]{
		record.New("a", "value", 7).WithHeaders(headers),
		record.New("b", "", 8).WithHeaders(headers).AsTombstone(),
		record.New("", "", 9).WithHeaders(headers).AsTombstone().WithoutKey(),
	}
	got.want(t, append(want, want...)...)
	wantReasons(t, &h)
}

// A record whose key and value both fail is counted once, by its key.
func TestNullKeyIsReportedBeforeNullValue(t *testing.T) {
	var h fakeHost
	emit := Filter(h.step("filter"), func(string, int64) bool { return true }, (&collected[string, int64]{}).emit)
	pipe(t, emit, of("", 0, 1).WithoutKey().AsTombstone())
	wantReasons(t, &h, NullKey)
}

// What the policy does not let pass ends the task: the error comes back as it is.
func TestFatalFailureIsReturned(t *testing.T) {
	h := fakeHost{fatal: errFatal}
	var got collected[string, int64]
	emit := Map(h.step("map"), func(k string, v int64) (string, int64) { return k, v }, got.emit)
	r := of("", 0, 1).WithoutKey()
	if err := emit(&r); err != errFatal {
		t.Errorf("got %v, want %v", err, errFatal)
	}
	got.want(t)
}
