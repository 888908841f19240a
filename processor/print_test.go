package processor

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/windowing"
)

func printed[K, V any](t *testing.T, r record.Record[K, V]) string {
	t.Helper()
	var h fakeHost
	var out strings.Builder
	pipe(t, Print[K, V](h.step("print"), "label", NewLines(&out)), r)
	wantReasons(t, &h)
	return out.String()
}

func TestPrintWritesALinePerRecord(t *testing.T) {
	type visit struct{ Page string }
	for name, tt := range map[string]struct{ got, want string }{
		"values":       {printed(t, record.New("k", int64(7), 1)), "[label]: k, 7\n"},
		"nulls":        {printed(t, record.New("", int64(0), 1).WithoutKey().AsTombstone()), "[label]: null, null\n"},
		"empty":        {printed(t, record.New("", "", 1)), "[label]: , \n"},
		"Null":         {printed(t, record.New(record.Valid("k"), record.Null[int64]{}, 1)), "[label]: k, null\n"},
		"pointer":      {printed(t, record.New(text("k"), &visit{"home"}, 1)), "[label]: k, {home}\n"},
		"bytes":        {printed(t, record.New([]byte("k\n"), []byte(nil), 1)), `[label]: "k\n", null` + "\n"},
		"windowed key": {printed(t, record.New(windowing.Key[string]{Key: "k", Start: 0, End: 10}, 1, 1)), "[label]: k@0/10, 1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

// whole fails where it is not called with a whole line, or by two at a time.
type whole struct {
	t    *testing.T
	busy sync.Mutex
	n    int
}

func (w *whole) Write(line []byte) (int, error) {
	if !w.busy.TryLock() {
		w.t.Error("two lines are written at the same time")
		return 0, nil
	}
	defer w.busy.Unlock()
	if !strings.HasPrefix(string(line), "[label]: ") || strings.Count(string(line), "\n") != 1 || line[len(line)-1] != '\n' {
		w.t.Errorf("got %q, want a line", line)
	}
	w.n++
	return len(line), nil
}

func TestTasksPrintOneLineAtATime(t *testing.T) {
	w := &whole{t: t}
	lines := NewLines(w)
	var tasks sync.WaitGroup
	for range 4 {
		tasks.Go(func() {
			var h fakeHost
			emit := Print[string, int64](h.step("print"), "label", lines)
			for i := range int64(100) {
				r := of("k", i, 1)
				_ = emit(&r)
			}
		})
	}
	tasks.Wait()
	if w.n != 400 {
		t.Errorf("%d lines, want 400", w.n)
	}
}

type broken struct{ with any }

var errBroken = errors.New("broken")

func (b broken) Write([]byte) (int, error) {
	if err, ok := b.with.(error); ok {
		return 0, err
	}
	panic(b.with)
}

func TestAWriterThatFailsFailsTheRecord(t *testing.T) {
	for _, with := range []any{errBroken, "panic"} {
		t.Run(fmt.Sprint(with), func(t *testing.T) {
			var h fakeHost
			pipe(t, Print[string, int64](h.step("print"), "label", NewLines(broken{with})), of("k", 1, 1))
			wantReasons(t, &h, Process)
		})
	}
}
