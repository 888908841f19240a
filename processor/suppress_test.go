package processor

import (
	"cmp"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

type textChange = Change[string, string]

func suppressInto(got *changes[string, string], h *fakeHost, rows *store.KeyValueStore[string, []byte],
	c SuppressConfig[string, string],
) EmitChange[string, string] {
	c.Key, c.Value = serde.String(), serde.String()
	return Suppress(h.step("suppress"), newRuntime(), rows, c, got.emit)
}

func openHeld(t testing.TB) *store.KeyValueStore[string, []byte] {
	t.Helper()
	return openKeyValue(t, serde.String(), serde.Bytes())
}

func updated(key, old, next string, at record.Time) textChange {
	return textChange{Key: key, Old: old, HasOld: old != "", New: next, HasNew: next != "", Time: at}
}

func feed(t *testing.T, emit EmitChange[string, string], all ...textChange) {
	t.Helper()
	for i := range all {
		if err := emit(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// "Emit when bufferTime <= observedStreamTime - duration, by bufferTime, then key bytes; later updates
// replace the value in place and do not reset the timer; time, headers and old value are those of the
// last update".
func TestSuppressHoldsBack(t *testing.T) {
	var h fakeHost
	var got changes[string, string]
	emit := suppressInto(&got, &h, openHeld(t), SuppressConfig[string, string]{Wait: 10 * ms})
	late := updated("b", "2", "3", 14)
	late.Headers = headers
	feed(t, emit, updated("b", "1", "2", 5), updated("a", "", "x", 5), updated("c", "", "y", 6), late,
		updated("a", "x", "", 14))
	got.want(t)
	feed(t, emit, updated("d", "", "z", 15))
	got.want(t, updated("a", "x", "", 14), late)
	feed(t, emit, updated("b", "3", "4", 16))
	got.want(t, updated("a", "x", "", 14), late, updated("c", "", "y", 6))
	wantReasons(t, &h)
}

// Final results have no deletions, and their buffer time is another than the update's.
func TestSuppressFinalResults(t *testing.T) {
	var h fakeHost
	var got changes[string, string]
	emit := suppressInto(&got, &h, openHeld(t), SuppressConfig[string, string]{
		Final: true, BufferTime: func(key string) record.Time { return record.Time(len(key)) },
	})
	feed(t, emit, updated("aa", "", "x", 1), updated("a", "1", "", 1), updated("aaaa", "", "y", 3), updated("aaa", "", "z", 3))
	got.want(t, updated("aa", "", "x", 1), updated("aaa", "", "z", 3))
}

func TestSuppressThatIsFull(t *testing.T) {
	for name, c := range map[string]SuppressConfig[string, string]{
		"records": {Wait: time.Hour, MaxRecords: 2},
		"bytes":   {Wait: time.Hour, MaxBytes: 90},
	} {
		t.Run(name, func(t *testing.T) {
			var h fakeHost
			var got changes[string, string]
			emit := suppressInto(&got, &h, openHeld(t), c)
			feed(t, emit, updated("a", "", "1", 1), updated("b", "", "1", 1), updated("a", "1", "2", 1))
			third := updated("c", "", "1", 1)
			var full *FullError
			if err := emit(&third); !errors.As(err, &full) || full.Records != 3 || full.Step != "suppress" {
				t.Errorf("got %v", err)
			}
			got.want(t)
			c.EmitEarly = true
			early := suppressInto(&got, &h, openHeld(t), c)
			feed(t, early, updated("a", "", "1", 1), updated("b", "", "1", 1), updated("a", "1", "2", 3), updated("c", "", "1", 1))
			got.want(t, updated("a", "1", "2", 3))
			wantReasons(t, &h)
		})
	}
}

func TestSuppressReturnsErrors(t *testing.T) {
	var h fakeHost
	emit := Suppress(h.step("suppress"), newRuntime(), openHeld(t), SuppressConfig[string, string]{
		Key: serde.String(), Value: serde.String(),
	}, func(*textChange) error { return errBelow })
	u := updated("a", "", "1", 1)
	if err := emit(&u); err != errBelow {
		t.Errorf("got %v, want %v", err, errBelow)
	}
	rows := openHeld(t)
	rows.Put("a", []byte("no row"))
	var got changes[string, string]
	broken := suppressInto(&got, &h, rows, SuppressConfig[string, string]{Wait: time.Hour})
	if err := broken(&u); !errors.Is(err, errHeldRow) {
		t.Errorf("got %v, want %v", err, errHeldRow)
	}
}

// heldModel holds updates back the slow way.
type heldModel struct {
	held []heldUpdate
	time record.Time
}

type heldUpdate struct {
	textChange
	since record.Time
}

func (m *heldModel) process(u textChange, wait record.Time, most int) (out []textChange) {
	m.time = max(m.time, u.Time)
	if i := slices.IndexFunc(m.held, func(h heldUpdate) bool { return h.Key == u.Key }); i >= 0 {
		m.held[i].textChange = u
	} else {
		m.held = append(m.held, heldUpdate{u, u.Time})
	}
	slices.SortFunc(m.held, func(a, b heldUpdate) int {
		return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.Key, b.Key))
	})
	for len(m.held) > 0 && (m.held[0].since <= m.time-wait || len(m.held) > most) {
		out = append(out, m.held[0].textChange)
		m.held = m.held[1:]
	}
	return out
}

// Against the model, also where the step is set up anew over what its store has, as after a restart.
func TestSuppressIsTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var h fakeHost
		var got changes[string, string]
		wait := rapid.Int64Range(0, 30).Draw(rt, "wait")
		most := rapid.SampledFrom([]int{1, 2, 5, 100}).Draw(rt, "most")
		c := SuppressConfig[string, string]{Wait: time.Duration(wait) * ms, MaxRecords: most, EmitEarly: true}
		rows := openHeld(t)
		emit, model := suppressInto(&got, &h, rows, c), heldModel{time: -1}
		base := rapid.SampledFrom([]int64{0, math.MaxInt64 - 100}).Draw(rt, "base")
		var want []textChange
		for range rapid.IntRange(1, 60).Draw(rt, "updates") {
			text := rapid.SampledFrom([]string{"", "", "v", "w", "a longer value"})
			u := updated(rapid.SampledFrom([]string{"", "a", "b", "ab", "b\x00", "c"}).Draw(rt, "key"),
				text.Draw(rt, "old"), text.Draw(rt, "new"), record.Time(base+rapid.Int64Range(0, 100).Draw(rt, "time")))
			if rapid.Bool().Draw(rt, "with headers") {
				u.Headers = record.Headers{{Key: "h", Value: []byte("x")}, {Key: "", Value: nil}}
			}
			if rapid.IntRange(0, 9).Draw(rt, "restart") == 0 {
				emit, model.time = suppressInto(&got, &h, rows, c), -1
			}
			if err := emit(&u); err != nil {
				rt.Fatal(err)
			}
			want = append(want, model.process(u, record.Time(wait), most)...)
			if diff := gocmp.Diff(want, got.all); diff != "" {
				rt.Fatalf("-want +got\n%s", diff)
			}
		}
		n := 0
		for range rows.All() {
			n++
		}
		if n != len(model.held) {
			rt.Fatalf("the store holds %d updates, want %d", n, len(model.held))
		}
	})
}

// Bytes that Kafka Streams 4.3.1 wrote: one update of a table, and the next of the same key.
func TestHeldRowIsJavas(t *testing.T) {
	for want, row := range map[string][]byte{
		"0000000000002700000000000000000100000002696e0000000000000001000000057472616365000000027431" +
			"ffffffff000000027637ffffffff000000000000264a": appendHeldValues(
			appendHeldContext(nil, 9984, Metadata{Topic: "in", Offset: 1}, record.Headers{{Key: "trace", Value: []byte("t1")}}),
			nil, []byte("v7"), nil, 9802),
		"00000000000051eb000000000000000a00000002696e0000000000000000" +
			"000000027637fffffffeffffffff00000000000051eb": appendHeldValues(
			appendHeldContext(nil, 20971, Metadata{Topic: "in", Offset: 10}, nil), []byte("v7"), []byte("v7"), nil, 20971),
	} {
		if got := hex.EncodeToString(row); got != want {
			t.Errorf("row %s\nwant %s", got, want)
		}
	}
}

func FuzzHeldRow(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(appendHeldValues(appendHeldContext(nil, 1, Metadata{Topic: "in", Partition: -1, Offset: -1},
		record.Headers{{Key: "k", Value: nil}}), []byte("p"), []byte("p"), []byte{}, 7))
	f.Add(appendHeldValues(appendHeldContext(nil, 1, Metadata{}, nil), nil, nil, []byte("new"), -1))
	f.Fuzz(func(t *testing.T, row []byte) {
		h, err := splitHeldRow(row)
		if err != nil {
			return
		}
		if len(h.recordHeaders()) != h.headers {
			t.Errorf("%x has %d headers, not %d", row, len(h.recordHeaders()), h.headers)
		}
		again := appendHeldValues(nil, h.prior, h.old, h.next, h.bufferTime)
		if at := len(row) - len(again); at >= 0 && string(row[at:]) != string(again) && len(h.old) != len(h.prior) {
			t.Errorf("%x became %+v and then %x", row, h, again)
		}
	})
}
