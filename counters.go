package pitwheel

import "github.com/pitwheel/pitwheel/record"

// Counters are the few of an app's metrics that most tests ask for; Metrics has all of them.
type Counters struct {
	In         int64            // records processed or dropped
	Out        int64            // records put out to topics, changelogs not counted
	Dropped    map[string]int64 // by reason: "late", "null_key", "decode_value" ...
	Commits    int64
	Aborts     int64       // commits that were not, and were done again
	StreamTime record.Time // the highest of all tasks; -1: none yet
}

// Counters are the totals as of the last commit.
func (a *App) Counters() Counters {
	s := a.Metrics()
	return Counters{
		In: s.Processed, Out: s.Produced, Dropped: s.Dropped, Commits: s.Commits, Aborts: s.Aborts, StreamTime: s.StreamTime,
	}
}
