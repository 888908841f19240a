package pitwheel_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel"
	"github.com/pitwheel/pitwheel/topology"
)

// mentions fails the test unless err is ErrUnhealthy and says what.
func mentions(t *testing.T, err error, what string) {
	t.Helper()
	if !errors.Is(err, pitwheel.ErrUnhealthy) || !strings.Contains(err.Error(), what) {
		t.Errorf("got %v, want ErrUnhealthy that says %q", err, what)
	}
}

func TestHealthFollowsTheAppsLife(t *testing.T) {
	b := newBroker(t, 2, "words", "counts")
	app, err := pitwheel.New(wordCounts(t), b.config(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Health().Live(); err != nil {
		t.Errorf("before the start: %v", err)
	}
	mentions(t, app.Health().Ready(), "created")

	app, stop := start(t, wordCounts(t), b.config(t))
	await(t, "the app to be ready", func() bool { return app.Health().Ready() == nil })
	b.produce("words", 10, func(int) (string, string) { return "k", "w" })
	await(t, "a commit", func() bool { return !app.Health().LastCommit.IsZero() })
	if h := app.Health(); h.Running != 4 || h.Restoring != 0 || !h.Member || time.Since(h.LastPoll) > 5*time.Second {
		t.Errorf("running: %+v", h)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	mentions(t, app.Health().Live(), "closed")
}

// An app whose function hangs, or whose commits fail, is found out; an idle one is not stuck.
func TestHealthFindsWhatIsStuck(t *testing.T) {
	b := newBroker(t, 1, "words", "copies")
	hang := make(chan struct{})
	plan := planOf(t, func(b *topology.Builder) {
		b.Stream(words).Peek(func(_, word string) {
			if word == "hang" {
				<-hang
			}
		}).To(texts("copies"))
	})
	c := b.config(t)
	c.StuckAfter = 300 * time.Millisecond
	app, stop := start(t, plan, c)
	await(t, "the app to be ready", func() bool { return app.Health().Ready() == nil })
	b.produce("words", 1, func(int) (string, string) { return "k", "hang" })
	await(t, "the hanging function to be found", func() bool { return app.Health().Stuck != nil })
	mentions(t, app.Health().Live(), "does not commit")
	mentions(t, app.Health().Ready(), "does not commit")
	close(hang)
	await(t, "the app to be ready again", func() bool { return app.Health().Ready() == nil })

	fault := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError, Count: -1})
	b.produce("words", 1, func(int) (string, string) { return "k", "go" })
	await(t, "the failing commits to be found", func() bool { return app.Health().Stuck != nil })
	fault.Remove()
	await(t, "the app to be ready again", func() bool { return app.Health().Ready() == nil })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}
