package record

import "time"

// Time is milliseconds since the Unix epoch, Kafka's unit; constants and comparisons read as
// numbers do.
type Time int64

// TimeOf is t, cut to the millisecond.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// Time is t in UTC.
func (t Time) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// Add is t moved by d, cut to the millisecond.
func (t Time) Add(d time.Duration) Time { return t + Time(d.Milliseconds()) }

// Sub is the span from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Millisecond }

// String is t as RFC 3339.
func (t Time) String() string { return t.Time().Format(time.RFC3339Nano) }
