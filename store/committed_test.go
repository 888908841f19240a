package store

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
)

// closing is a view whose closing takes until it is let go.
type closing struct {
	view
	entered, let chan struct{}
}

func (c *closing) close() error {
	close(c.entered)
	<-c.let
	return c.view.close()
}

// While a walk that has ended gives back what it holds, the space cannot close: it would close the files
// under the walk.
func TestSpaceWaitsForAWalkThatEnds(t *testing.T) {
	s := openAt(t, vfs.NewMem())
	kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.String(), serde.String())
	kv.Put("k", "v")
	apply(t, s)
	w, err := s.Committed("kv").begin(func(o *origin, _ record.Time) (walkPlan, bool) {
		from, to := o.bounds(span{})
		return walkPlan{from: from, to: to}, true
	})
	if err != nil || w == nil {
		t.Fatal(w, err)
	}
	held := &closing{w.v, make(chan struct{}), make(chan struct{})}
	w.v = held
	ended := make(chan error, 1)
	go func() { ended <- w.finish() }()
	<-held.entered
	if s.gate.mu.TryLock() {
		s.gate.mu.Unlock()
		t.Error("the space could close in the middle")
	}
	close(held.let)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
