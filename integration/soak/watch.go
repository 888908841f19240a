package main

import (
	"fmt"
	"time"
)

// watcher sees to it that every partition goes on: one that has records must be committed within a
// while after the last fault.
type watcher struct {
	limit time.Duration
	quiet time.Time // when the last fault so far is over
	moved map[place]time.Time
	at    map[place]int64
	worst time.Duration // that a partition took after a fault
}

func newWatcher(session time.Duration) *watcher {
	return &watcher{limit: session + 30*time.Second, moved: map[place]time.Time{}, at: map[place]int64{}}
}

// until says that a fault lasts until then.
func (w *watcher) until(t time.Time) {
	if t.After(w.quiet) {
		w.quiet = t
	}
}

// longest is how long no partition may stand still, whatever faults there are meanwhile.
const longest = 3 * time.Minute

// look takes in what is committed. Error: a partition stands still.
func (w *watcher) look(now time.Time, lags map[place]lag) error {
	for p, l := range lags {
		before, known := w.at[p]
		if !known || l.committed != before || l.committed >= l.end {
			if known && now.Sub(w.moved[p]) > w.worst {
				w.worst = now.Sub(w.moved[p])
			}
			w.at[p], w.moved[p] = l.committed, now
			continue
		}
		since := w.moved[p]
		if w.quiet.After(since) {
			since = w.quiet
		}
		if now.Sub(since) > w.limit || now.Sub(w.moved[p]) > longest {
			return fmt.Errorf("no progress: %s[%d] has stood at offset %d of %d for %v, %v after the last fault was over",
				p.topic, p.partition, l.committed, l.end, now.Sub(w.moved[p]).Round(time.Second), now.Sub(w.quiet).Round(time.Second))
		}
	}
	return nil
}
