package kafka

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pitwheel/pitwheel/record"
)

// TestRecycledRecordsLeaveBytesAlone keeps keys and values of many fetches whose slices are taken back at once:
// what comes later must not write over them.
func TestRecycledRecordsLeaveBytesAlone(t *testing.T) {
	f := newFake(t, 1, "in")
	const rounds, each = 30, 40
	r, err := NewReader(f.config, map[record.Partition]int64{{Topic: "in"}: 0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	var want []string
	var got [][]byte
	for round := range rounds {
		var values []string
		for i := range each {
			values = append(values, fmt.Sprintf("%d/%d", round, i))
		}
		want = append(want, values...)
		f.fill("in", values...)
		for len(got) < len(want) {
			err := r.Poll(limited(t), func(b Fetched) {
				for i := range b.Records {
					got = append(got, b.Records[i].Value)
				}
				Recycle(b.Records)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := make([]string, len(got))
	for i := range got {
		kept[i] = string(got[i])
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Error(diff)
	}
}

// TestRecycleKeepsNothingAlive looks at what a slice that was taken back still points to.
func TestRecycleKeepsNothingAlive(t *testing.T) {
	records := make([]record.Raw, 3, 5)
	for i := range records {
		records[i] = record.Raw{Key: []byte("k"), Value: []byte("v"), Headers: record.Headers{{Key: "h"}}}
	}
	Recycle(records[1:])
	if diff := cmp.Diff(make([]record.Raw, 2), records[1:]); diff != "" {
		t.Error(diff)
	}
	if s := (&slicePool[int]{}).get(7); cap(s) < 7 || len(s) != 0 {
		t.Errorf("an empty pool gave %d of %d", len(s), cap(s))
	}
}
