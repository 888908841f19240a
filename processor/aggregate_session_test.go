package processor

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
	"github.com/pitwheel/pitwheel/windowing"
)

func openSessions[A any](t testing.TB, value serde.Serde[A]) *store.SessionStore[string, A] {
	t.Helper()
	return store.OpenSession(openSpace(t), store.Definition{
		Name: "rows", Retention: time.Hour, ByTime: true,
	}, serde.String(), value)
}

func addUp(_ string, a, b int64) int64 { return a + b }

func session(t testing.TB, h *fakeHost, w windowing.Sessions, out ChangeOut[wkey, int64]) Emit[string, int64] {
	return AggregateSessions(h.step("sum"), openSessions(t, serde.Int64()), SessionConfig{Sessions: w},
		FoldSessions(zeroOf(0), sum, addUp), out)
}

// Records at most the gap apart are in one session; one in between makes two one, which go first, as
// tombstones with what they held, by end. Times are the sessions' ends.
func TestSessionsMerge(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := session(t, &h, windowing.Session(10*ms).Grace(time.Second), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, at("a", 1, 30).WithHeaders(headers), at("a", 2, 41), at("b", 64, 35), at("a", 4, 51), at("a", 8, 35))
	got.want(t,
		wchange{Key: in("a", 30, 30), New: 1, HasNew: true, Time: 30},
		wchange{Key: in("a", 41, 41), New: 2, HasNew: true, Time: 41},
		wchange{Key: in("b", 35, 35), New: 64, HasNew: true, Time: 35},
		wchange{Key: in("a", 41, 41), Old: 2, HasOld: true, Time: 41},
		wchange{Key: in("a", 41, 51), New: 6, HasNew: true, Time: 51},
		wchange{Key: in("a", 30, 30), Old: 1, HasOld: true, Time: 30},
		wchange{Key: in("a", 41, 51), Old: 6, HasOld: true, Time: 51},
		wchange{Key: in("a", 30, 51), New: 15, HasNew: true, Time: 51})
	wantReasons(t, &h)
}

// "If the session [t,t] already exists no removal is forwarded": old is null although there was a value.
func TestSessionOfOneTimeIsNotRemoved(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := session(t, &h, windowing.Session(10*ms), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, at("a", 1, 30), at("a", 2, 30))
	got.want(t,
		wchange{Key: in("a", 30, 30), New: 1, HasNew: true, Time: 30},
		wchange{Key: in("a", 30, 30), New: 3, HasNew: true, Time: 30})
}

// "merged.end < observed - grace - gap => drop": a late record that joins a session which is open counts.
func TestSessionLateness(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := session(t, &h, windowing.Session(10*ms).Grace(5*ms), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, at("a", 1, 45), at("b", 1, 60)) // close time 45
	pipe(t, emit, at("a", 2, 44), at("c", 4, 44), at("c", 8, 45))
	wantReasons(t, &h, Late)
	if e := h.failed[0].Err; e == nil || e.Error() != "window [44, 44] is closed at stream time 60" {
		t.Errorf("error %v", e)
	}
	got.want(t,
		wchange{Key: in("a", 45, 45), New: 1, HasNew: true, Time: 45},
		wchange{Key: in("b", 60, 60), New: 1, HasNew: true, Time: 60},
		wchange{Key: in("a", 45, 45), Old: 1, HasOld: true, Time: 45},
		wchange{Key: in("a", 44, 45), New: 3, HasNew: true, Time: 45},
		wchange{Key: in("c", 45, 45), New: 8, HasNew: true, Time: 45})
}

func TestSessionNulls(t *testing.T) {
	var h fakeHost
	var got changes[wkey, nullable]
	rows := openSessions(t, serde.Nullable(serde.Int64()))
	emit := AggregateSessions(h.step("last"), rows, SessionConfig{Sessions: windowing.Session(10 * ms)},
		ReduceSessions(func(_ string, _, v nullable) nullable { return v }), ChangeOut[wkey, nullable]{Next: got.emit})
	pipe(t, emit,
		record.New("", valid(1), 100).WithoutKey(), // does not move stream time
		record.New("a", nullable{}, 1),             // a null first value is no row
		record.New("a", valid(2), 1),
		record.New("a", nullable{}, 3), // reduces to null: the session is gone
		record.New("a", valid(4), 5))
	wantReasons(t, &h, NullKey)
	type change = Change[wkey, nullable]
	got.want(t,
		change{Key: in("a", 1, 1), Time: 1},
		change{Key: in("a", 1, 1), New: valid(2), HasNew: true, Time: 1},
		change{Key: in("a", 1, 1), Old: valid(2), HasOld: true, Time: 1},
		change{Key: in("a", 1, 3), Time: 3},
		change{Key: in("a", 5, 5), New: valid(4), HasNew: true, Time: 5})
}

func TestSessionValuesThatCannotBeNull(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := session(t, &h, windowing.Session(10*ms), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, at("a", 1, 50).AsTombstone(), at("a", 1, 3))
	wantReasons(t, &h, NullValue, Late) // the null moves stream time
}

func TestSessionsAtTheEndOfTime(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	emit := session(t, &h, windowing.Session(10*ms), ChangeOut[wkey, int64]{Next: got.emit})
	const last = record.Time(math.MaxInt64)
	pipe(t, emit, at("a", 1, last-4), at("a", 2, last))
	got.want(t,
		wchange{Key: in("a", last-4, last-4), New: 1, HasNew: true, Time: last - 4},
		wchange{Key: in("a", last-4, last-4), Old: 1, HasOld: true, Time: last - 4},
		wchange{Key: in("a", last-4, last), New: 3, HasNew: true, Time: last})
	wantReasons(t, &h)
}

// Where a function fails nothing is changed: the sessions stay as they were.
func TestSessionFailureChangesNothing(t *testing.T) {
	var h fakeHost
	var got changes[wkey, int64]
	rows := openSessions(t, serde.Int64())
	emit := AggregateSessions(h.step("sum"), rows, SessionConfig{Sessions: windowing.Session(10 * ms)},
		FoldSessions(zeroOf(0), func(_ string, v, a int64) int64 {
			if v < 0 {
				panic("boom")
			}
			return a + v
		}, addUp), ChangeOut[wkey, int64]{Next: got.emit})
	pipe(t, emit, at("a", 1, 5), at("a", -1, 8))
	wantReasons(t, &h, Process)
	if v, ok := rows.Get(in("a", 5, 5)); !ok || v != 1 || len(got.all) != 1 {
		t.Errorf("the session is %d, %v, emitted %v", v, ok, got.all)
	}
	below := session(t, &h, windowing.Session(10*ms), ChangeOut[wkey, int64]{Next: func(*wchange) error { return errBelow }})
	r := at("a", 1, 5)
	if err := below(&r); err != errBelow {
		t.Errorf("got %v, want %v", err, errBelow)
	}
}

func sessionInput(t *rapid.T) []record.Record[string, int64] {
	all := make([]record.Record[string, int64], rapid.IntRange(1, 60).Draw(t, "records"))
	base := rapid.SampledFrom([]int64{0, 500, math.MaxInt64 - 300}).Draw(t, "base")
	for i := range all {
		key := rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "key")
		all[i] = at(key, 1<<min(i, 62), record.Time(base+rapid.Int64Range(0, 300).Draw(t, "time")))
	}
	return all
}

// Against the definition: sort a key's records by time and cut where the next is more than the gap away.
func TestSessionsAreRunsOfRecords(t *testing.T) {
	const gap = 10
	rapid.Check(t, func(rt *rapid.T) {
		var h fakeHost
		rows := openSessions(t, serde.Int64())
		table := map[wkey]int64{} // what the updates come to
		emit := AggregateSessions(h.step("sum"), rows, SessionConfig{Sessions: windowing.Session(gap * ms).Grace(time.Hour)},
			FoldSessions(zeroOf(0), sum, addUp), ChangeOut[wkey, int64]{Next: func(c *wchange) error {
				if c.HasOld && table[c.Key] != c.Old {
					return fmt.Errorf("%v was %d, the update says %d", c.Key, table[c.Key], c.Old)
				}
				delete(table, c.Key)
				if c.HasNew {
					table[c.Key] = c.New
				}
				return nil
			}})
		all := sessionInput(rt)
		for i := range all {
			if err := emit(&all[i]); err != nil {
				rt.Fatal(err)
			}
		}
		slices.SortStableFunc(all, func(a, b record.Record[string, int64]) int {
			return cmp.Or(cmp.Compare(a.Key(), b.Key()), cmp.Compare(a.Time(), b.Time()))
		})
		want := map[wkey]int64{}
		var last wkey
		for i, r := range all {
			held := int64(0)
			if i > 0 && last.Key == r.Key() && r.Time()-last.End <= gap {
				held = want[last]
				delete(want, last)
				last.End = r.Time()
			} else {
				last = in(r.Key(), r.Time(), r.Time())
			}
			want[last] = held + r.Value()
		}
		if got := maps.Collect(rows.All(0, math.MaxInt64)); !maps.Equal(got, want) {
			rt.Fatalf("sessions %v\nwant     %v", got, want)
		}
		if !maps.Equal(table, want) {
			rt.Fatalf("updates %v\nwant    %v", table, want)
		}
		for k := range want { // a span meets the sessions that have a time in it
			var met []wkey
			after := windowing.End(k.Start, 3*ms)
			for s := range rows.Range(k.Key, k.Start-3, after) {
				met = append(met, s)
			}
			if !slices.Contains(met, k) || slices.ContainsFunc(met, func(s wkey) bool {
				return s.Key != k.Key || s.End < k.Start-3 || s.Start > after
			}) {
				rt.Fatalf("around %v are %v", k, met)
			}
		}
	})
}

// On close each session comes once, as it was when stream time was beyond its end, gap and grace: by end,
// start, then key.
func TestSessionsOnCloseAreTheLastUpdates(t *testing.T) {
	const gap = 10
	rapid.Check(t, func(rt *rapid.T) {
		var h, updated fakeHost
		grace := record.Time(rapid.Int64Range(0, 40).Draw(rt, "grace"))
		w := windowing.Session(gap * ms).Grace(time.Duration(grace) * ms)
		var final, updates changes[wkey, int64]
		mark := record.Time(-1)
		onClose := session(t, &h, w, ChangeOut[wkey, int64]{Next: final.emit, OnClose: &OnClose{Mark: &mark}})
		perUpdate := session(t, &updated, w, ChangeOut[wkey, int64]{Next: updates.emit})
		open := map[wkey]int64{}
		streamTime := record.Time(-1)
		for i, r := range sessionInput(rt) {
			before, seen := len(final.all), len(updates.all)
			if err := onClose(&r); err != nil {
				rt.Fatal(err)
			}
			if err := perUpdate(&r); err != nil {
				rt.Fatal(err)
			}
			for _, u := range updates.all[seen:] {
				delete(open, u.Key)
				if u.HasNew {
					open[u.Key] = u.New
				}
			}
			streamTime = max(streamTime, r.Time())
			var due []wkey
			held := map[wkey]int64{}
			for k, v := range open {
				if k.End < streamTime-grace-gap {
					due = append(due, k)
					held[k] = v
					delete(open, k)
				}
			}
			slices.SortFunc(due, func(a, b wkey) int {
				return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Key, b.Key))
			})
			if !slices.EqualFunc(final.all[before:], due, func(c wchange, k wkey) bool {
				return c.Key == k && c.New == held[k] && c.Time == k.End && c.HasNew && !c.HasOld
			}) {
				rt.Fatalf("record %d at stream time %d closed %v, want %v", i, streamTime, final.all[before:], due)
			}
		}
		if len(h.failed) != len(updated.failed) {
			rt.Fatalf("%d failures on close, %d per update", len(h.failed), len(updated.failed))
		}
	})
}
