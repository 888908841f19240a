package windowing

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
)

const ms = time.Millisecond

func drawWindows(t *rapid.T) Windows {
	lengths := rapid.OneOf(
		rapid.Int64Range(1, 50),
		rapid.Int64Range(1, math.MaxInt64/int64(ms)),
	)
	size := lengths.Draw(t, "size")
	advance := rapid.OneOf(rapid.Just(size), rapid.Int64Range(1, size)).Draw(t, "advance")
	return Hopping(time.Duration(size)*ms, time.Duration(advance)*ms)
}

var times = rapid.OneOf(
	rapid.Int64Range(-100, 500),
	rapid.Int64(),
	rapid.Int64Range(math.MaxInt64-500, math.MaxInt64),
	rapid.Int64Range(math.MinInt64, math.MinInt64+500),
)

// The windows that hold t are those from First on, every advance, up to t, and no others: the one
// before First has ended, the one after t has not begun.
func TestFirstIsTheEarliestWindowThatHoldsT(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWindows(t)
		at := record.Time(times.Draw(t, "t"))
		size, advance := record.Time(w.Size()/ms), record.Time(w.Advance()/ms)
		first := w.First(at)
		if first < 0 {
			t.Fatalf("First(%d) = %d, negative", at, first)
		}
		if at < 0 {
			if first != 0 {
				t.Fatalf("First(%d) = %d, want 0: no window holds a negative time", at, first)
			}
			return
		}
		if first%advance != 0 {
			t.Fatalf("First(%d) = %d, not aligned to %d", at, first, advance)
		}
		// Differences of times that are not negative do not overflow.
		if first > at || at-first >= size {
			t.Fatalf("First(%d) = %d does not hold it, size %d", at, first, size)
		}
		if before := first - advance; before >= 0 && at-before < size {
			t.Fatalf("First(%d) = %d, but %d holds it as well", at, first, before)
		}
		if w.Size() == w.Advance() && at-first >= advance {
			t.Fatalf("First(%d) = %d of tumbling windows is not the only one", at, first)
		}
	})
}

// First against trying every start, as the Kafka Streams reference has it: "first start =
// max(0, t-size+advance)/advance*advance; then +advance while start <= t".
func TestFirstOfSmallWindows(t *testing.T) {
	for size := record.Time(1); size <= 12; size++ {
		for advance := record.Time(1); advance <= size; advance++ {
			w := Hopping(time.Duration(size)*ms, time.Duration(advance)*ms)
			for at := record.Time(0); at < 40; at++ {
				want := record.Time(0)
				for want+size <= at {
					want += advance
				}
				if got := w.First(at); got != want {
					t.Errorf("size %d, advance %d: First(%d) = %d, want %d", size, advance, at, got, want)
				}
			}
		}
	}
}

func TestEnd(t *testing.T) {
	for _, tt := range []struct {
		start record.Time
		size  time.Duration
		want  record.Time
	}{
		{0, ms, 1},
		{-5, 3 * ms, -2},
		{10_000, 10 * time.Second, 20_000},
		{math.MaxInt64 - 1, ms, math.MaxInt64},
		{math.MaxInt64, ms, math.MaxInt64},
		{math.MaxInt64 - 5, time.Hour, math.MaxInt64},
		{math.MinInt64, ms, math.MinInt64 + 1},
	} {
		if got := End(tt.start, tt.size); got != tt.want {
			t.Errorf("End(%d, %v) = %d, want %d", tt.start, tt.size, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		start, w := record.Time(times.Draw(t, "start")), drawWindows(t)
		if end := End(start, w.Size()); end <= start && start != math.MaxInt64 {
			t.Fatalf("End(%d, %v) = %d, not after the start", start, w.Size(), end)
		}
	})
}

func TestValidate(t *testing.T) {
	for name, tt := range map[string]struct {
		give Windows
		want string // "" if nothing is wrong
	}{
		"tumbling":             {Tumbling(ms), ""},
		"hopping":              {Hopping(10*ms, 3*ms).Grace(time.Hour), ""},
		"longest":              {Tumbling(time.Duration(math.MaxInt64).Truncate(ms)), ""},
		"no size":              {Tumbling(0), "size"},
		"negative size":        {Tumbling(-ms), "size"},
		"size too fine":        {Tumbling(1500 * time.Microsecond), "size"},
		"size too small":       {Tumbling(time.Microsecond), "size"},
		"no advance":           {Hopping(ms, 0), "advance"},
		"advance too long":     {Hopping(ms, 2*ms), "advance"},
		"advance too fine":     {Hopping(3*ms, 1500*time.Microsecond), "advance"},
		"negative grace":       {Tumbling(ms).Grace(-ms), "grace"},
		"grace too fine":       {Tumbling(ms).Grace(time.Microsecond), "grace"},
		"the zero of the type": {Windows{}, "size"},
		"unlimited":            {Unlimited(time.UnixMilli(5)), ""},
		"before the epoch":     {Unlimited(time.UnixMilli(-1)), "epoch"},
		"unlimited with grace": {Unlimited(time.UnixMilli(5)).Grace(ms), "grace"},
		"sliding":              {Sliding(ms).Grace(time.Hour), ""},
		"no difference":        {Sliding(0), "size"},
		"negative difference":  {Sliding(-ms), "size"},
		"difference too fine":  {Sliding(1500 * time.Microsecond), "size"},
		"sliding grace":        {Sliding(ms).Grace(-ms), "grace"},
	} {
		err := tt.give.Validate()
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want what is wrong with the %s", name, err, tt.want)
		}
	}
}

func TestValidateSessions(t *testing.T) {
	for name, tt := range map[string]struct {
		give Sessions
		want string // "" if nothing is wrong
	}{
		"sessions":       {Session(ms).Grace(time.Hour), ""},
		"no gap":         {Session(0), "gap"},
		"negative gap":   {Session(-ms), "gap"},
		"gap too fine":   {Session(1500 * time.Microsecond), "gap"},
		"negative grace": {Session(ms).Grace(-ms), "grace"},
		"grace too fine": {Session(ms).Grace(time.Microsecond), "grace"},
	} {
		err := tt.give.Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want what is wrong with the %q", name, err, tt.want)
		}
	}
	if d, ok := Session(ms).Grace(2 * ms).Retention(); d != 3*ms || !ok {
		t.Errorf("retention %v, %v", d, ok)
	}
	if _, ok := Session(math.MaxInt64).Grace(ms).Retention(); ok {
		t.Error("a gap and a grace that are too long together have a retention")
	}
}

func TestGraceReturnsACopy(t *testing.T) {
	w := Tumbling(time.Minute)
	g := w.Grace(time.Second)
	if w.GracePeriod() != 0 || g.GracePeriod() != time.Second || g.Size() != time.Minute || g.Advance() != time.Minute {
		t.Errorf("%+v became %+v", w, g)
	}
}

func TestKeyString(t *testing.T) {
	if got := (Key[string]{"k", 10_000, 20_000}).String(); got != "k@10000/20000" {
		t.Errorf("got %q", got)
	}
}

// Sliding windows need what is before them: "Retention must be >= 2d+grace".
func TestRetention(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	for name, tt := range map[string]struct {
		give Windows
		want time.Duration
		ok   bool
	}{
		"tumbling":               {Tumbling(10 * ms).Grace(5 * ms), 15 * ms, true},
		"hopping":                {Hopping(10*ms, 2*ms), 10 * ms, true},
		"sliding":                {Sliding(10 * ms).Grace(5 * ms), 25 * ms, true},
		"longest":                {Tumbling(longest - ms).Grace(ms), longest, true},
		"too long":               {Tumbling(longest).Grace(1), 0, false},
		"too long twice":         {Sliding(longest), 0, false},
		"comes round to a start": {Sliding(longest).Grace(longest), 0, false},
	} {
		if got, ok := tt.give.Retention(); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %v, %v, want %v, %v", name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestUnlimitedWindow(t *testing.T) {
	w := Unlimited(time.UnixMilli(5))
	if !w.AreUnlimited() || w.First(3) != 5 || w.First(math.MaxInt64) != 5 || End(5, w.Size()) != math.MaxInt64 {
		t.Errorf("%+v begins at %d and ends at %d", w, w.First(3), End(5, w.Size()))
	}
}
