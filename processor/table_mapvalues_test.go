package processor

import "testing"

// "Mapper not called for null; forwards null"; old values only where they are asked for.
func TestMapTableValues(t *testing.T) {
	var h fakeHost
	for _, old := range []bool{false, true} {
		var got changes[string, nullable]
		emit := MapTableValues(h.step("map"), func(_ string, v int64) nullable {
			if v < 0 {
				panic("boom")
			}
			if v == 0 {
				return nullable{}
			}
			return valid(10 * v)
		}, old, got.emit)
		for _, c := range []Change[string, int64]{
			{Key: "a", New: 1, HasNew: true, Time: 1, Headers: headers},
			{Key: "a", New: 2, HasNew: true, Old: 1, HasOld: true, Time: 2},
			{Key: "a", HasNew: true, Old: 2, HasOld: true, Time: 3}, // to null
			{Key: "a", HasOld: true, Time: 4},
			{Key: "a", New: -1, HasNew: true, Time: 5},
		} {
			if err := emit(&c); err != nil {
				t.Fatal(err)
			}
		}
		type change = Change[string, nullable]
		want := []change{
			{Key: "a", New: valid(10), HasNew: true, Time: 1, Headers: headers},
			{Key: "a", New: valid(20), HasNew: true, Time: 2},
			{Key: "a", Time: 3},
			{Key: "a", Time: 4},
		}
		if old {
			want[1].Old, want[1].HasOld = valid(10), true
			want[2].Old, want[2].HasOld = valid(20), true
		}
		got.want(t, want...)
	}
	wantReasons(t, &h, Process, Process)
}
