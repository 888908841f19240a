package main

import (
	"sync"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/bench/internal/measure"
)

// restores sums what stores were restored from, and from when to when that went.
type restores struct {
	mu          sync.Mutex
	done        map[string]int64 // records, by store and task
	first, last float64          // 0: none
}

// take is Config.OnRestore.
func (r *restores) take(news pitwheel.Restore) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if news.Store == "" {
		return
	}
	if r.done == nil {
		r.done = map[string]int64{}
		r.first = measure.SinceStart()
	}
	r.done[news.Task.String()+" "+news.Store] = news.Records
	r.last = measure.SinceStart()
}

func (r *restores) records() (n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, records := range r.done {
		n += records
	}
	return n
}

func (r *restores) fill(to *measure.Result) {
	records := r.records()
	r.mu.Lock()
	defer r.mu.Unlock()
	to.Put("restore_records", records).Put("restore_bytes", nil)
	to.Float("restore_s", r.last-r.first)
	to.Rate("restore_rec_per_s", records, r.last-r.first)
}
