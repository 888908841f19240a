package processor

import (
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

type row = Change[string, int64]

// tombstone is the deletion of a key's row.
func tombstone(key string, at record.Time) rec { return of(key, 0, at).AsTombstone() }

func TestTableSourceKeepsTheLatestValueOfEachKey(t *testing.T) {
	in := []rec{
		of("a", 1, 10), of("b", 2, 20), of("a", 1, 30), // the same again is an update too
		of("a", 3, 5),                              // older, and applied
		tombstone("a", 40), tombstone("never", 50), // a deletion goes on where nothing was
		of("a", 4, 60), of("", 9, 70).WithoutKey(), // no key: to the policy
	}
	news := []row{
		{Key: "a", New: 1, HasNew: true, Time: 10}, {Key: "b", New: 2, HasNew: true, Time: 20},
		{Key: "a", New: 1, HasNew: true, Time: 30}, {Key: "a", New: 3, HasNew: true, Time: 5},
		{Key: "a", Time: 40}, {Key: "never", Time: 50}, {Key: "a", New: 4, HasNew: true, Time: 60},
	}
	for i := range news {
		news[i].Headers = headers
	}
	withOld := append([]row(nil), news...)
	withOld[2].Old, withOld[2].HasOld = 1, true
	withOld[3].Old, withOld[3].HasOld = 1, true
	withOld[4].Old, withOld[4].HasOld = 3, true

	t.Run("kept", func(t *testing.T) {
		var h fakeHost
		var got changes[string, int64]
		rows := openKeyValue(t, serde.String(), serde.Int64())
		pipe(t, TableSource(h.step("table"), rows, ChangeOut[string, int64]{Next: got.emit}), in...)
		got.want(t, withOld...)
		wantReasons(t, &h, NullKey)
		if v, at, ok := rows.Find("a"); v != 4 || at != 60 || !ok {
			t.Errorf("row a is %d at %d, %v", v, at, ok)
		}
	})
	t.Run("not kept", func(t *testing.T) {
		var h fakeHost
		var got changes[string, int64]
		pipe(t, TableSource(h.step("table"), nil, ChangeOut[string, int64]{Next: got.emit}), in...)
		got.want(t, news...)
		wantReasons(t, &h, NullKey)
	})
}

// A row that came and went between two commits was never there; a deletion has its record's time.
func TestCachedTableSourceSendsTheLastUpdate(t *testing.T) {
	var h fakeHost
	var f flushes
	var got changes[string, int64]
	emit := TableSource(h.step("table"), openKeyValue(t, serde.String(), serde.Int64()), ChangeOut[string, int64]{
		Next: got.emit, Cached: &Cached[string]{Key: serde.String(), OnFlush: f.add},
	})
	pipe(t, emit, of("a", 1, 10), of("gone", 1, 10), tombstone("gone", 20), of("a", 2, 5))
	got.want(t)
	f.run(t)
	pipe(t, emit, of("a", 3, 7), tombstone("a", 30))
	f.run(t)
	got.want(t,
		row{Key: "a", New: 2, HasNew: true, Time: 5, Headers: headers},
		row{Key: "a", Old: 2, HasOld: true, Time: 30, Headers: headers})
}

// Steps that write one store share its cache: one update per key, with the row before as the old.
func TestStepsOfOneStoreShareItsCache(t *testing.T) {
	var h fakeHost
	var f flushes
	var got changes[string, int64]
	rows := openKeyValue(t, serde.String(), serde.Int64())
	out := ChangeOut[string, int64]{
		Next: got.emit, Cached: &Cached[string]{Key: serde.String(), OnFlush: f.add},
	}.Shared(h.step("merge"))
	one := Aggregate(h.step("one"), rows, zeroOf(0), sum, out)
	two := Aggregate(h.step("two"), rows, zeroOf(0), sum, out)
	if len(f) != 1 {
		t.Fatalf("%d caches are flushed, want 1", len(f))
	}
	pipe(t, one, of("a", 1, 10))
	pipe(t, two, of("a", 2, 20))
	f.run(t)
	pipe(t, two, of("a", 3, 30))
	pipe(t, one, of("a", 4, 40))
	f.run(t)
	got.want(t,
		row{Key: "a", New: 3, HasNew: true, Time: 20, Headers: headers},
		row{Key: "a", New: 10, HasNew: true, Old: 3, HasOld: true, Time: 40, Headers: headers})
}
