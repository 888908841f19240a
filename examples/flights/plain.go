package main

import (
	"fmt"
	"io"
	"time"
)

// plain shows a run as lines of text, a few in a second at most: for scripts and log files.
type plain struct {
	to   io.Writer
	next time.Time
}

const plainEvery = 500 * time.Millisecond

func newPlain(to io.Writer) *plain { return &plain{to: to, next: time.Now().Add(plainEvery)} }

func (p *plain) title(line string) { _, _ = fmt.Fprintln(p.to, line) }

func (p *plain) show(snap func() snapshot) {
	if time.Now().Before(p.next) {
		return
	}
	p.next = time.Now().Add(plainEvery)
	p.line(snap())
}

func (p *plain) line(s snapshot) {
	_, _ = fmt.Fprintf(p.to, "%5.1f s  %d of %d flights committed, %d in flight, %.0f/s, stream time %s, %s\n",
		s.elapsed.Seconds(), s.committed, s.flights, s.inFlight, s.perSecond, s.streamTime(), s.counters.dropped())
}

func (p *plain) note(event string) { _, _ = fmt.Fprintln(p.to, event) }

func (p *plain) close(snap func() snapshot) { p.line(snap()) }
