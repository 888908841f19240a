package reactor

import (
	"math/rand/v2"
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/topology"
)

// TestWhatWaitsIsBounded holds a user function up while much more is there to be fetched than may
// wait, and lets it go on: what waits stays near the bound, and nothing is lost by pausing.
func TestWhatWaitsIsBounded(t *testing.T) {
	held, seen := make(chan struct{}), make(chan struct{}, 1)
	b := newBench(t, func(b *topology.Builder) {
		b.Stream(text("in")).
			Peek(func(_, _ string) {
				select {
				case seen <- struct{}{}:
				default:
				}
				<-held
			}).
			MapValues(func(_, v string) string { return v[:1] }).
			To(text("out"))
	}, "in", "out")
	const records, size = 1500, 10_000
	values := make([]string, records)
	random := rand.New(rand.NewPCG(1, 2)) // what compresses well comes in larger answers
	for i := range values {
		value := make([]byte, size)
		for j := range value {
			value[j] = byte(random.IntN(256))
		}
		values[i] = string(value)
	}
	b.write("in", values...)
	e, stop := b.start()
	<-seen
	waits := func() (bytes int64, paused bool) {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, a := range e.assignments {
			for _, r := range a.loop.tasks {
				for _, route := range r.routes {
					bytes += route.buffered.Load()
					paused = paused || route.paused.Load()
				}
			}
		}
		return bytes, paused
	}
	until(func() bool { _, paused := waits(); return paused })
	// What was asked for before the pause may still come: one answer.
	most := b.config.BufferBytes + 2<<20
	if bytes, _ := waits(); bytes > most {
		t.Errorf("%d bytes wait, at most %d may", bytes, most)
	}
	close(held)
	n := 0
	b.read("out", func(*record.Raw) bool { n++; return n == records })
	if bytes, _ := waits(); bytes > most {
		t.Errorf("%d bytes wait, at most %d may", bytes, most)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
