package record

import (
	"testing"
	"unsafe"
)

type (
	holder struct{ N int }
	// embeds has Null's method and is none.
	embeds struct {
		Null[int]
		Valid string
	}
	renamed Null[int]
	list    []int
)

func TestCanBeNull(t *testing.T) {
	for name, tt := range map[string]struct{ got, want bool }{
		"pointer":          {CanBeNull[*int](), true},
		"slice":            {CanBeNull[[]byte](), true},
		"named slice":      {CanBeNull[list](), true},
		"map":              {CanBeNull[map[string]int](), true},
		"func":             {CanBeNull[func()](), true},
		"chan":             {CanBeNull[chan int](), true},
		"any":              {CanBeNull[any](), true},
		"error":            {CanBeNull[error](), true},
		"unsafe pointer":   {CanBeNull[unsafe.Pointer](), true},
		"Null":             {CanBeNull[Null[int]](), true},
		"Null of a string": {CanBeNull[Null[string]](), true},
		"Null of a struct": {CanBeNull[Null[holder]](), true},
		"Null of Null":     {CanBeNull[Null[Null[int8]]](), true},
		"string":           {CanBeNull[string](), false},
		"int64":            {CanBeNull[int64](), false},
		"bool":             {CanBeNull[bool](), false},
		"struct":           {CanBeNull[holder](), false},
		"array":            {CanBeNull[[16]byte](), false},
		"array of slices":  {CanBeNull[[2][]byte](), false},
		"embeds a Null":    {CanBeNull[embeds](), false},
		"is made of Null":  {CanBeNull[renamed](), false},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", name, tt.got, tt.want)
		}
	}
}

func TestIsNull(t *testing.T) {
	var none *int
	some := new(int)
	for name, tt := range map[string]struct{ got, want bool }{
		"nil pointer":            {IsNull(none), true},
		"pointer":                {IsNull(some), false},
		"nil slice":              {IsNull([]byte(nil)), true},
		"empty slice":            {IsNull([]byte{}), false},
		"made slice":             {IsNull(make([]int, 0)), false},
		"slice of nothing":       {IsNull([]struct{}{{}}), false},
		"cut to nothing":         {IsNull([]byte("abc")[3:]), false},
		"nil cut to nothing":     {IsNull([]byte(nil)[:0]), true},
		"nil map":                {IsNull(map[string]int(nil)), true},
		"empty map":              {IsNull(map[string]int{}), false},
		"nil func":               {IsNull((func())(nil)), true},
		"func":                   {IsNull(func() {}), false},
		"nil chan":               {IsNull[chan int](nil), true},
		"chan":                   {IsNull(make(chan int)), false},
		"nil any":                {IsNull[any](nil), true},
		"any of a zero":          {IsNull[any](0), false},
		"any of a nil pointer":   {IsNull[any](none), false}, // as Go has it
		"nil error":              {IsNull[error](nil), true},
		"invalid Null":           {IsNull(Null[int]{}), true},
		"invalid Null with a V":  {IsNull(Null[int]{V: 5}), true},
		"valid Null of zero":     {IsNull(Valid(0)), false},
		"valid Null of a byte":   {IsNull(Valid(byte(0))), false},
		"valid Null of a text":   {IsNull(Valid("")), false},
		"valid Null of a struct": {IsNull(Valid(holder{})), false},
		"invalid Null of Null":   {IsNull(Null[Null[int]]{V: Valid(1)}), true},
		"valid Null of Null":     {IsNull(Valid(Null[int]{})), false},
		"empty string":           {IsNull(""), false},
		"zero":                   {IsNull(0), false},
		"zero struct":            {IsNull(holder{}), false},
		"struct with a Null":     {IsNull(embeds{}), false},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", name, tt.got, tt.want)
		}
	}
}

func TestAskingForNullAllocatesNothing(t *testing.T) {
	pointers, texts, numbers := NullsOf[*int](), NullsOf[Null[string]](), NullsOf[int]()
	if allocs := testing.AllocsPerRun(100, func() {
		var p *int
		text, number := Valid("x"), 0
		if !pointers.Has(&p) || texts.Has(&text) || numbers.Has(&number) || IsNull(text) {
			t.Fatal("wrong")
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestNullSaysSo(t *testing.T) {
	if Valid(1).IsNull() || !(Null[int]{}).IsNull() {
		t.Error("IsNull is not the opposite of Valid")
	}
}
