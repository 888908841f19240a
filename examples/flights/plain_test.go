package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPlainLinesAreFew(t *testing.T) {
	snap := someSnapshot(t)
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newPlain(&out)
		for range 1000 {
			p.show(func() snapshot { return snap })
			time.Sleep(2 * time.Millisecond)
		}
		if lines := strings.Count(out.String(), "\n"); lines < 3 || lines > 4 {
			t.Errorf("%d lines in two seconds:\n%s", lines, out.String())
		}
		want := "  8.3 s  40487 of 80788 flights committed, 278 in flight, 5003/s, " +
			"stream time 2013-02-17 20:30, late 1, undecodable 2, dropped in all 3\n"
		if line, _, _ := strings.Cut(out.String(), "\n"); line+"\n" != want {
			t.Errorf("got  %q\nwant %q", line, want)
		}
		out.Reset()
		p.note("kill 1 of 1")
		if out.String() != "kill 1 of 1\n" {
			t.Errorf("got %q", out.String())
		}
	})
}

func TestSpeedIsThatOfTheLastSecond(t *testing.T) {
	var s speed
	at := time.Unix(0, 0)
	if s.perSecond() != 0 {
		t.Error("there is a speed before anything was noted")
	}
	for i := range int64(40) { // 10 a second, then 1000 a second
		n := i
		if i > 20 {
			n = 20 + (i-20)*100
		}
		s.note(at.Add(time.Duration(i)*100*time.Millisecond), n)
	}
	if got := s.perSecond(); got < 999 || got > 1001 {
		t.Errorf("got %v per second, want 1000", got)
	}
}
