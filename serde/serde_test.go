package serde

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
)

type view struct {
	Page string `json:"page"`
	Bot  bool   `json:"bot"`
	N    int64  `json:"n"`
}

func drawView(t *rapid.T) view {
	return view{rapid.String().Draw(t, "page"), rapid.Bool().Draw(t, "bot"), rapid.Int64().Draw(t, "n")}
}

func TestJSONIsStrict(t *testing.T) {
	s := JSON[view]()
	for name, text := range map[string]string{
		"a name twice":     `{"page":"a","page":"b"}`,
		"not UTF-8":        "{\"page\":\"\xff\"}",
		"another type":     `{"page":1}`,
		"cut off":          `{"page":"a"`,
		"more than one":    `{} {}`,
		"nothing":          ``,
		"fraction in an n": `{"n":1.5}`,
	} {
		if v, err := s.Decode([]byte(text)); err == nil {
			t.Errorf("%s: %q is %+v", name, text, v)
		} else if !strings.Contains(err.Error(), "serde.view") {
			t.Errorf("%s: error %q does not name the type", name, err)
		}
	}
	got, err := s.Decode([]byte(`{"PAGE":"a","unknown":[1],"n":7}`))
	if err != nil || got != (view{N: 7}) {
		t.Errorf("got %+v, %v; want names to match exactly and unknown ones to be passed over", got, err)
	}
}

// The same value has the same bytes: a key's bytes are its identity.
func TestJSONIsDeterministic(t *testing.T) {
	s := JSON[map[string]int]()
	m := make(map[string]int)
	for i := range 50 {
		m[string(rune('a'+i))] = i
	}
	first, err := s.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if again, err := s.Append(nil, m); err != nil || string(again) != string(first) {
			t.Fatalf("%s and then %s, %v", first, again, err)
		}
	}
}

func TestJSONThatDoesNotEncodeIsAnError(t *testing.T) {
	dst := []byte("before")
	got, err := JSON[chan int]().Append(dst, make(chan int))
	if err == nil || string(got) != "before" {
		t.Errorf("got %q, %v; want an error and dst as it was", got, err)
	}
}

func TestNullHasNoBytes(t *testing.T) {
	if got, err := Nullable(String()).Append(nil, Null[string]{}); err == nil {
		t.Errorf("the null has the bytes %q", got)
	}
}

func TestNullableKeepsErrors(t *testing.T) {
	if v, err := Nullable(Int64()).Decode([]byte("short")); err == nil || v.Valid {
		t.Errorf("got %v, %v", v, err)
	}
}

// boundString notes what it is bound to and cuts the partition's key.
type boundString struct {
	Serde[string]
	to string
}

func (b boundString) Bind(topic string, part Part) Serde[string] {
	return boundString{b.Serde, topic + "/" + part.String()}
}

func (b boundString) PartitionKey(encoded []byte) []byte { return encoded[:1] }

func TestBind(t *testing.T) {
	if got := Bind[string](boundString{String(), ""}, "in", Value).(boundString).to; got != "in/value" {
		t.Errorf("bound to %q", got)
	}
	if got := Bind(Int64(), "in", Key); got != Int64() {
		t.Errorf("a serde that is no Binder became %v", got)
	}
	nullable := Bind(Nullable[string](boundString{String(), ""}), "in", Key).(nullableSerde[string])
	if got := nullable.of.(boundString).to; got != "in/key" {
		t.Errorf("Nullable bound its serde to %q", got)
	}
}

// A key that may be null goes where the key goes.
func TestNullableKeepsThePartition(t *testing.T) {
	keyer := Nullable[string](boundString{String(), ""}).(PartitionKeyer)
	if got := keyer.PartitionKey([]byte("abc")); string(got) != "a" {
		t.Errorf("partitioned by %q, want a", got)
	}
	if got := Nullable(String()).(PartitionKeyer).PartitionKey([]byte("abc")); string(got) != "abc" {
		t.Errorf("partitioned by %q, want abc", got)
	}
}

// Strings of one task share chunks: one must never change when the next is decoded.
func TestBoundStringsStayAsTheyAre(t *testing.T) {
	s := Bind(String(), "in", Value)
	rapid.Check(t, func(t *rapid.T) {
		lengths := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 7, 100, 1023, 1024, 1025, 9000}), 1, 100).Draw(t, "lengths")
		var got, want []string
		for i, n := range lengths {
			text := strings.Repeat(string(rune('a'+i%26)), n)
			v, err := s.Decode([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			got, want = append(got, v), append(want, text)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("string %d has changed", i)
			}
		}
	})
}

func TestBoundStringAllocatesByTheChunk(t *testing.T) {
	s := Bind(String(), "in", Value)
	data := []byte("a key of usual length")
	if allocs := testing.AllocsPerRun(1000, func() {
		if _, err := s.Decode(data); err != nil {
			t.Fatal(err)
		}
	}); allocs != 0 {
		t.Errorf("%v allocations per string", allocs)
	}
}

func TestBoundBytesAllocateByTheChunk(t *testing.T) {
	s := Bind(Bytes(), "in", Value)
	data := []byte("a value of usual length")
	if allocs := testing.AllocsPerRun(1000, func() {
		if _, err := s.Decode(data); err != nil {
			t.Fatal(err)
		}
	}); allocs != 0 {
		t.Errorf("%v allocations per value", allocs)
	}
}

// TestBoundBytesAreTheCallers writes to values that were decoded, and behind them.
func TestBoundBytesAreTheCallers(t *testing.T) {
	s := Bind(Bytes(), "in", Value)
	decode := func(text string) []byte {
		v, err := s.Decode([]byte(text))
		if err != nil || string(v) != text || v == nil {
			t.Fatalf("decoded %q, %v, want %q", v, err, text)
		}
		return v
	}
	for _, text := range []string{"", "short", strings.Repeat("long", chunkBytes)} {
		first, second := decode(text), decode("second")
		for i := range first {
			first[i] = 'x'
		}
		_ = append(first, "over the neighbour"...)
		if string(second) != "second" {
			t.Errorf("behind %d bytes: the next value is %q", len(text), second)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	t.Run("String", appendsInPlace(String(), "key"))
	t.Run("Int64", appendsInPlace(Int64(), 5))
	t.Run("UUID", appendsInPlace(UUID(), [16]byte{1}))
	t.Run("Nullable", appendsInPlace(Nullable(Int64()), record.Valid[int64](5)))
}

func appendsInPlace[T any](s Serde[T], value T) func(*testing.T) {
	return func(t *testing.T) {
		dst := make([]byte, 0, 100)
		if allocs := testing.AllocsPerRun(100, func() {
			if _, err := s.Append(dst, value); err != nil {
				t.Fatal(err)
			}
		}); allocs != 0 {
			t.Errorf("%v allocations", allocs)
		}
	}
}
