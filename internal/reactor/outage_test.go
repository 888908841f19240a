package reactor

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lines is a log that several goroutines write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// taken is what was written since the last call.
func (l *lines) taken() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// TestBrokerThatIsAwayIsWaitedFor has no broker for a minute, at the start and in the middle of the
// work, and longer than members may be silent. The app waits, says what for, and goes on exactly.
func TestBrokerThatIsAwayIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, countKeys, "in", "out")
		log := &lines{}
		b.config.Logger = slog.New(slog.NewTextHandler(log, nil))
		b.config.Kafka.Logger = b.config.Logger
		says := func(want string) {
			t.Helper()
			text := log.taken()
			if !strings.Contains(text, want) {
				t.Errorf("the log of a minute does not say %q:\n%s", want, text)
			}
			if n := strings.Count(text, "\n"); n > 300 {
				t.Errorf("the log of a minute has %d lines", n)
			}
		}
		b.outage.Store(true)
		e, stop := b.start()
		b.writeBeside("in", repeated(70, 7)...)
		time.Sleep(time.Minute) // of the bubble
		says("waiting for Kafka")
		b.outage.Store(false)
		b.counted("out", 70)

		b.outage.Store(true)
		b.writeBeside("in", repeated(70, 7)...)
		log.taken()
		time.Sleep(time.Minute)
		says("waiting_for")
		b.outage.Store(false)
		b.counted("out", 140)

		// In the middle of a transaction.
		b.write("in", repeated(700, 7)...)
		until(func() bool { return e.Metrics().Processed > 140 })
		b.outage.Store(true)
		time.Sleep(time.Minute)
		b.outage.Store(false)
		b.counted("out", 840)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
