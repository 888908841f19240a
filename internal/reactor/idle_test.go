package reactor

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) contains(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), s)
}

// TestIdleAppSaysWhatItWaitsFor has a loop believe that nothing has happened for a while.
func TestIdleAppSaysWhatItWaitsFor(t *testing.T) {
	b := newBench(t, countKeys, "in", "out")
	log := &lockedBuffer{}
	b.config.Logger = slog.New(slog.NewTextHandler(log, nil))
	e, stop := b.start()
	b.write("in", "a")
	b.counted("out", 1)
	e.loops[0].inbox.do(func(context.Context) error {
		e.loops[0].idleSince = time.Now().Add(-2 * idleAfter)
		return nil
	})
	until(func() bool {
		return log.contains(`msg="nothing to process" task=0_0 waiting_for="new records"`)
	})
	if err := stop(); err != nil {
		t.Error(err)
	}
}
