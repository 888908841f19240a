package processor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/windowing"
)

// flushes keeps what a cache registers.
type flushes []func() error

func (f *flushes) add(flush func() error) { *f = append(*f, flush) }

func (f flushes) run(t *testing.T) {
	t.Helper()
	for _, flush := range f {
		if err := flush(); err != nil {
			t.Fatal(err)
		}
	}
}

func cachedSum(t *testing.T, h *fakeHost, got *changes[string, int64]) (Emit[string, int64], *flushes) {
	var f flushes
	emit := Aggregate(h.step("sum"), openKeyValue(t, serde.String(), serde.Int64()), zeroOf(0), sum,
		ChangeOut[string, int64]{
			Next:   got.emit,
			Cached: &Cached[string]{Key: serde.String(), OnFlush: f.add},
		})
	return emit, &f
}

// "Cache flush order = order of last write per key": a key that is updated again goes to the end.
func TestCachedUpdatesComeInTheOrderOfTheLastWrite(t *testing.T) {
	var h fakeHost
	var got changes[string, int64]
	emit, f := cachedSum(t, &h, &got)
	pipe(t, emit,
		record.New("a", int64(1), 10), record.New("b", int64(2), 20), record.New("c", int64(3), 30),
		record.New("a", int64(4), 5).WithHeaders(headers))
	got.want(t)
	f.run(t)
	want := []Change[string, int64]{
		{Key: "b", New: 2, HasNew: true, Time: 20},
		{Key: "c", New: 3, HasNew: true, Time: 30},
		{Key: "a", New: 5, HasNew: true, Time: 10, Headers: headers},
	}
	got.want(t, want...)

	f.run(t)
	got.want(t, want...)

	// The old value is what the table held at the last flush.
	pipe(t, emit, record.New("a", int64(1), 40), record.New("a", int64(1), 41))
	f.run(t)
	got.want(t, append(want, Change[string, int64]{Key: "a", New: 7, HasNew: true, Old: 5, HasOld: true, Time: 41})...)
}

// A deletion has the time and headers of the record that made it, not the row's time.
func TestCachedDeletion(t *testing.T) {
	var h fakeHost
	var f flushes
	var got changes[string, nullable]
	emit := Reduce(h.step("reduce"), openKeyValue(t, serde.String(), serde.Nullable(serde.Int64())),
		func(_ string, a, v nullable) nullable {
			if v.V == 0 {
				return nullable{}
			}
			return valid(a.V + v.V)
		},
		ChangeOut[string, nullable]{Next: got.emit, Cached: &Cached[string]{Key: serde.String(), OnFlush: f.add}})
	pipe(t, emit, record.New("a", valid(1), 10), record.New("a", valid(0), 5))
	f.run(t)
	got.want(t) // it came and went: nothing to tell

	pipe(t, emit, record.New("a", valid(2), 50))
	f.run(t)
	pipe(t, emit, record.New("a", valid(1), 60), record.New("a", valid(0), 20).WithHeaders(headers))
	f.run(t)
	got.want(t,
		Change[string, nullable]{Key: "a", New: valid(2), HasNew: true, Time: 50},
		Change[string, nullable]{Key: "a", Old: valid(2), HasOld: true, Time: 20, Headers: headers})
}

func TestCachedFlushReturnsErrorsFromBelow(t *testing.T) {
	var h fakeHost
	var f flushes
	emit := Aggregate(h.step("sum"), openKeyValue(t, serde.String(), serde.Int64()), zeroOf(0), sum,
		ChangeOut[string, int64]{
			Next:   func(*Change[string, int64]) error { return errBelow },
			Cached: &Cached[string]{Key: serde.String(), OnFlush: f.add},
		})
	pipe(t, emit, of("a", 1, 1))
	if err := f[0](); err != errBelow {
		t.Errorf("got %v, want %v", err, errBelow)
	}
}

// Keys are told apart by their bytes: a slice cannot be a map's key.
func TestCachedKeysAreTheirBytes(t *testing.T) {
	var h fakeHost
	var f flushes
	var got changes[[]byte, int64]
	emit := Aggregate(h.step("sum"), openKeyValue(t, serde.Bytes(), serde.Int64()), zeroOf(0),
		func(_ []byte, v, a int64) int64 { return a + v },
		ChangeOut[[]byte, int64]{Next: got.emit, Cached: &Cached[[]byte]{Key: serde.Bytes(), OnFlush: f.add}})
	pipe(t, emit,
		record.New([]byte("a"), int64(1), 1),
		record.New([]byte("b"), int64(2), 2),
		record.New([]byte("a"), int64(3), 3))
	f.run(t)
	got.want(t,
		Change[[]byte, int64]{Key: []byte("b"), New: 2, HasNew: true, Time: 2},
		Change[[]byte, int64]{Key: []byte("a"), New: 4, HasNew: true, Time: 3})
}

func TestCachedWindows(t *testing.T) {
	var h fakeHost
	var f flushes
	var got changes[windowing.Key[string], int64]
	w := windowing.Hopping(10*time.Millisecond, 5*time.Millisecond)
	emit := AggregateWindowed(h.step("sum"), openWindow(t, w, serde.String(), serde.Int64()), WindowedConfig{Windows: w},
		zeroOf(0), sum, ChangeOut[windowing.Key[string], int64]{
			Next:   got.emit,
			Cached: &Cached[windowing.Key[string]]{Key: w.KeySerde(serde.String()), OnFlush: f.add},
		})
	pipe(t, emit, record.New("a", int64(1), 7), record.New("a", int64(2), 3))
	f.run(t)
	got.want(t,
		wchange{Key: in("a", 5, 15), New: 1, HasNew: true, Time: 7},
		wchange{Key: in("a", 0, 10), New: 3, HasNew: true, Time: 7})
}

func TestCachedAndOnCloseTogetherAreRefused(t *testing.T) {
	defer func() {
		if message, _ := recover().(string); !strings.Contains(message, "the step") {
			t.Errorf("panicked with %q, want the step's name", message)
		}
	}()
	var h fakeHost
	mark := record.Time(-1)
	w := windowing.Tumbling(time.Second)
	AggregateWindowed(h.step("the step"), openWindow(t, w, serde.String(), serde.Int64()), WindowedConfig{Windows: w},
		zeroOf(0), sum, ChangeOut[windowing.Key[string], int64]{
			Cached:  &Cached[windowing.Key[string]]{},
			OnClose: &OnClose{Mark: &mark},
		})
}

// The cache against a model: a slice that is searched.
func TestRecordCacheIsTheModel(t *testing.T) {
	type change = Change[string, int64]
	rapid.Check(t, func(t *rapid.T) {
		var h fakeHost
		var got changes[string, int64]
		var f flushes
		c := newRecordCache(h.step("cache"), &Cached[string]{Key: serde.String(), OnFlush: f.add}, got.emit)
		var model, want []change
		for i := range rapid.IntRange(0, 200).Draw(t, "steps") {
			if rapid.IntRange(0, 20).Draw(t, "flush") == 0 {
				for _, m := range model {
					if m.HasNew || m.HasOld {
						want = append(want, m)
					}
				}
				model = nil
				if err := f[0](); err != nil {
					t.Fatal(err)
				}
				continue
			}
			u := change{
				Key:    fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "key")),
				New:    int64(i),
				HasNew: rapid.Bool().Draw(t, "has new"),
				Time:   record.Time(i),
			}
			has := rapid.Bool().Draw(t, "has old")
			if err := c.hold(&u, -int64(i), has); err != nil {
				t.Fatal(err)
			}
			m := u
			m.Old, m.HasOld = -int64(i), has
			if at := slices.IndexFunc(model, func(x change) bool { return x.Key == u.Key }); at >= 0 {
				m.Old, m.HasOld = model[at].Old, model[at].HasOld
				model = slices.Delete(model, at, at+1)
			}
			model = append(model, m)
		}
		if diff := cmp.Diff(want, got.all); diff != "" {
			t.Fatalf("emitted (-want +got):\n%s", diff)
		}
	})
}
