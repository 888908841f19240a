package processor

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
)

func TestFanOutEmitsToChildrenInOrder(t *testing.T) {
	for n := range 4 {
		var got []int
		var children []any
		for i := range n {
			children = append(children, Emit[string, int64](func(*rec) error {
				got = append(got, i)
				return nil
			}))
		}
		pipe(t, FanOut[string, int64](children), of("a", 1, 1))
		want := []int{0, 1, 2, 3}[:n]
		if len(got)+len(want) > 0 && !cmp.Equal(got, want) {
			t.Errorf("%d children: emitted to %v, want %v", n, got, want)
		}
	}
}

func TestFanOutStopsAtTheFirstError(t *testing.T) {
	var first, second, third collected[string, int64]
	second.err = errBelow
	emit := FanOut[string, int64]([]any{
		Emit[string, int64](first.emit), Emit[string, int64](second.emit), Emit[string, int64](third.emit),
	})
	r := of("a", 1, 1)
	if err := emit(&r); err != errBelow {
		t.Errorf("got %v, want %v", err, errBelow)
	}
	if len(first.records) != 1 || len(second.records) != 1 || len(third.records) != 0 {
		t.Errorf("emitted %d, %d, %d records", len(first.records), len(second.records), len(third.records))
	}
}

func TestFanOutOfAnotherTypeNamesBoth(t *testing.T) {
	for name, bind := range map[string]func(){
		"FanOut": func() { FanOut[string, int64]([]any{Emit[string, string](nil)}) },
		"FanOutChanges": func() {
			FanOutChanges[string, int64]([]any{EmitChange[string, string](nil)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				message, _ := recover().(string)
				if !strings.Contains(message, "[string,string]") || !strings.Contains(message, "[string,int64]") {
					t.Errorf("panicked with %q, want both types", message)
				}
			}()
			bind()
		})
	}
}

func TestFanOutChangesEmitsToChildrenInOrder(t *testing.T) {
	for n := range 4 {
		all := make([]changes[string, int64], n)
		var children []any
		for i := range all {
			children = append(children, EmitChange[string, int64](all[i].emit))
		}
		c := Change[string, int64]{Key: "a", New: 1, HasNew: true, Time: 7}
		if err := FanOutChanges[string, int64](children)(&c); err != nil {
			t.Fatal(err)
		}
		for i := range all {
			all[i].want(t, c)
		}
	}
}

func TestToStreamMakesTombstonesOfMissingRows(t *testing.T) {
	var got collected[string, int64]
	emit := ToStream(got.emit)
	for _, c := range []Change[string, int64]{
		{Key: "a", New: 1, HasNew: true, Old: 5, HasOld: true, Time: 7, Headers: headers},
		{Key: "a", Old: 1, HasOld: true, Time: 9},
	} {
		if err := emit(&c); err != nil {
			t.Fatal(err)
		}
	}
	got.want(t, of("a", 1, 7), record.New("a", int64(0), 9).AsTombstone())
}
