package processor

import (
	"errors"
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

type nullable = record.Null[int64]

func valid(n int64) nullable { return record.Valid(n) }

func zeroOf(n int64) func() int64 { return func() int64 { return n } }

func sum(_ string, v, a int64) int64 { return a + v }

// The first update has the initial value as its old one: KStreamAggregate assigns it to oldAgg.
func TestAggregateFolds(t *testing.T) {
	var h fakeHost
	var got changes[string, int64]
	emit := Aggregate(h.step("sum"), openKeyValue(t, serde.String(), serde.Int64()), zeroOf(100), sum,
		ChangeOut[string, int64]{Next: got.emit})
	pipe(t, emit, of("a", 1, 10), of("b", 2, 20), of("a", 3, 5), of("a", 4, 30))
	got.want(t,
		Change[string, int64]{Key: "a", New: 101, HasNew: true, Old: 100, HasOld: true, Time: 10, Headers: headers},
		Change[string, int64]{Key: "b", New: 102, HasNew: true, Old: 100, HasOld: true, Time: 20, Headers: headers},
		Change[string, int64]{Key: "a", New: 104, HasNew: true, Old: 101, HasOld: true, Time: 10, Headers: headers},
		Change[string, int64]{Key: "a", New: 108, HasNew: true, Old: 104, HasOld: true, Time: 30, Headers: headers})
}

func TestAggregateDropsNullKeysAndValues(t *testing.T) {
	var h fakeHost
	var got changes[string, int64]
	rows := openKeyValue(t, serde.String(), serde.Int64())
	emit := Aggregate(h.step("sum"), rows, zeroOf(0), sum, ChangeOut[string, int64]{Next: got.emit})
	pipe(t, emit, of("", 1, 1).WithoutKey(), of("a", 1, 1).AsTombstone(), of("", 0, 1).AsTombstone())
	got.want(t)
	wantReasons(t, &h, NullKey, NullValue, NullValue)
	if _, _, ok := rows.Find("a"); ok {
		t.Error("a row was written")
	}
}

// A null answer deletes the row. The tombstone has the time a row would have had; the next record
// starts from zero and with its own time.
func TestAggregateToNullDeletesTheRow(t *testing.T) {
	var h fakeHost
	var got changes[string, nullable]
	rows := openKeyValue(t, serde.String(), serde.Nullable(serde.Int64()))
	emit := Aggregate(h.step("sum"), rows, func() nullable { return valid(0) },
		func(_ string, v int64, a nullable) nullable {
			if a.V+v > 100 {
				return nullable{}
			}
			return valid(a.V + v)
		}, ChangeOut[string, nullable]{Next: got.emit})
	pipe(t, emit, of("a", 60, 50), of("a", 60, 20))
	if _, _, ok := rows.Find("a"); ok {
		t.Error("the row is still there")
	}
	pipe(t, emit, of("a", 200, 7), of("a", 1, 6))
	got.want(t,
		Change[string, nullable]{
			Key: "a", New: valid(60), HasNew: true, Old: valid(0), HasOld: true, Time: 50, Headers: headers,
		},
		Change[string, nullable]{Key: "a", Old: valid(60), HasOld: true, Time: 50, Headers: headers},
		Change[string, nullable]{Key: "a", Old: valid(0), HasOld: true, Time: 7, Headers: headers},
		Change[string, nullable]{
			Key: "a", New: valid(1), HasNew: true, Old: valid(0), HasOld: true, Time: 6, Headers: headers,
		})
}

func TestNullZeroIsNoOldValue(t *testing.T) {
	var h fakeHost
	var got changes[string, nullable]
	emit := Aggregate(h.step("sum"), openKeyValue(t, serde.String(), serde.Nullable(serde.Int64())),
		func() nullable { return nullable{} },
		func(_ string, v int64, a nullable) nullable { return valid(a.V + v) },
		ChangeOut[string, nullable]{Next: got.emit})
	pipe(t, emit, of("a", 1, 1))
	got.want(t, Change[string, nullable]{Key: "a", New: valid(1), HasNew: true, Time: 1, Headers: headers})
}

func TestReduceStartsWithTheFirstValue(t *testing.T) {
	var h fakeHost
	var got changes[string, string]
	emit := Reduce(h.step("join"), openKeyValue(t, serde.String(), serde.String()),
		func(k, a, v string) string { return k + "(" + a + v + ")" }, ChangeOut[string, string]{Next: got.emit})
	pipe(t, emit, record.New("k", "1", 10), record.New("k", "2", 5), record.New("k", "3", 20))
	got.want(t,
		Change[string, string]{Key: "k", New: "1", HasNew: true, Time: 10},
		Change[string, string]{Key: "k", New: "k(12)", HasNew: true, Old: "1", HasOld: true, Time: 10},
		Change[string, string]{Key: "k", New: "k(k(12)3)", HasNew: true, Old: "k(12)", HasOld: true, Time: 20})
}

func TestReduceToNullStartsAnew(t *testing.T) {
	var h fakeHost
	var got changes[string, nullable]
	emit := Reduce(h.step("reduce"), openKeyValue(t, serde.String(), serde.Nullable(serde.Int64())),
		func(_ string, a, v nullable) nullable {
			if a.V+v.V > 100 {
				return nullable{}
			}
			return valid(a.V + v.V)
		}, ChangeOut[string, nullable]{Next: got.emit})
	pipe(t, emit, record.New("a", valid(60), 9), record.New("a", valid(60), 1), record.New("a", valid(70), 2))
	got.want(t,
		Change[string, nullable]{Key: "a", New: valid(60), HasNew: true, Time: 9},
		Change[string, nullable]{Key: "a", Old: valid(60), HasOld: true, Time: 9},
		Change[string, nullable]{Key: "a", New: valid(70), HasNew: true, Time: 2})
}

// The row is written before it is emitted (invariant O1), so whoever is below may read it.
func TestRowIsWrittenBeforeItIsEmitted(t *testing.T) {
	var h fakeHost
	rows := openKeyValue(t, serde.String(), serde.Int64())
	emit := Aggregate(h.step("sum"), rows, zeroOf(0), sum, ChangeOut[string, int64]{
		Next: func(c *Change[string, int64]) error {
			if v, at, ok := rows.Find("a"); !ok || v != c.New || at != c.Time {
				t.Errorf("the row is %d @ %d, %v; emitted %d @ %d", v, at, ok, c.New, c.Time)
			}
			return nil
		},
	})
	pipe(t, emit, of("a", 1, 10), of("a", 2, 5))
}

func TestAggregateReturnsErrorsFromBelow(t *testing.T) {
	var h fakeHost
	emit := Aggregate(h.step("sum"), openKeyValue(t, serde.String(), serde.Int64()), zeroOf(0), sum,
		ChangeOut[string, int64]{Next: func(*Change[string, int64]) error { return errBelow }})
	r := of("a", 1, 1)
	if err := emit(&r); !errors.Is(err, errBelow) {
		t.Errorf("got %v, want %v", err, errBelow)
	}
	wantReasons(t, &h)
}
