package tracing

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestAContextIsReadFromHeaders(t *testing.T) {
	tests := []struct {
		name string
		give string
		want bool
	}{
		{"W3C's example", parent, true},
		{"a later version that says more", "cc" + parent[2:] + "-what-the-future-will-be-like", true},
		{"the invalid version", "ff" + parent[2:], false},
		{"version 00 that says more", parent + "-more", false},
		{"a later version with more and no dash", "cc" + parent[2:] + ".more", false},
		{"upper case", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false},
		{"no trace", "00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
		{"no span", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
		{"too short", parent[:54], false},
		{"no dashes", "00x0af7651916cd43dd8448eb211c80319cxb7ad6b7169203331x01", false},
		{"flags that are none", parent[:53] + "zz", false},
		{"empty", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := record.Headers{{Key: TraceparentHeader, Value: []byte(tt.give)}, {Key: TracestateHeader, Value: []byte("a=b")}}
			c, ok := FromHeaders(h)
			want := Context{}
			if tt.want {
				want = Context{Traceparent: tt.give, Tracestate: "a=b"}
			}
			if ok != tt.want || c != want {
				t.Errorf("got %v, %v; want %v", c, ok, want)
			}
		})
	}
	if c, ok := FromHeaders(record.Headers{{Key: "other"}}); ok || !c.IsZero() {
		t.Errorf("without the header: got %v", c)
	}
}

func TestAContextReplacesTheOneBefore(t *testing.T) {
	had := record.Headers{
		{Key: "first", Value: []byte("1")},
		{Key: TraceparentHeader, Value: []byte("old")},
		{Key: TracestateHeader, Value: []byte("old")},
		{Key: "last"},
	}
	kept := append(record.Headers{}, had...)
	got := Context{Traceparent: parent}.Headers(had)
	want := record.Headers{{Key: "first", Value: []byte("1")}, {Key: "last"}, {Key: TraceparentHeader, Value: []byte(parent)}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(kept, had); d != "" {
		t.Errorf("the headers given were changed: %s", d)
	}
	got = Context{Traceparent: parent, Tracestate: "a=b"}.Headers(nil)
	want = record.Headers{{Key: TraceparentHeader, Value: []byte(parent)}, {Key: TracestateHeader, Value: []byte("a=b")}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := (Context{}).Headers(had); len(got) != 2 {
		t.Errorf("the zero context left %v", got)
	}
}
