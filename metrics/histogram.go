package metrics

import "time"

// Histogram counts durations in fixed buckets.
type Histogram struct {
	Counts [len(buckets) + 1]int64 // of each bucket, and of what is above the last
	Sum    time.Duration
	Max    time.Duration
}

// buckets are the upper bounds, each included.
var buckets = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// Buckets are the upper bounds of a Histogram's buckets, each included. The last bucket has none.
func Buckets() []time.Duration { return append([]time.Duration(nil), buckets[:]...) }

// Observe counts one.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(buckets) && d > buckets[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += d
	h.Max = max(h.Max, d)
}

// Count is how many were counted.
func (h *Histogram) Count() (n int64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Mean is zero of none.
func (h *Histogram) Mean() time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	return h.Sum / time.Duration(n)
}

// Quantile is an upper bound of the share q, from 0 to 1, of the durations: the bound of the bucket
// that it ends in, or the longest of all if that is less. Zero of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	rank := int64(q * float64(n))
	if float64(rank) < q*float64(n) {
		rank++
	}
	for i, bound := range buckets {
		if rank -= h.Counts[i]; rank <= 0 {
			return min(bound, h.Max)
		}
	}
	return h.Max
}
