package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// screen shows a run live in a terminal, with plain ANSI sequences. A frame is at most 23 lines of
// 80 columns, which every terminal has, and one for the cursor.
type screen struct {
	to     io.Writer
	colour bool
	next   time.Time
	titles []string
	events []string // the last few
}

const (
	screenEvery   = 100 * time.Millisecond
	screenColumns = 80
	screenEvents  = 4

	clearScreen = "\x1b[2J"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K" // from the cursor to the end of the line
	clearBelow  = "\x1b[J"
	hideCursor  = "\x1b[?25l"
	showCursor  = "\x1b[?25h"
)

func newScreen(to io.Writer, colour bool) *screen {
	_, _ = io.WriteString(to, hideCursor+clearScreen)
	return &screen{to: to, colour: colour}
}

func (s *screen) title(line string) { s.titles = append(s.titles, line) }

func (s *screen) show(snap func() snapshot) {
	if time.Now().Before(s.next) {
		return
	}
	s.next = time.Now().Add(screenEvery)
	s.draw(snap())
}

func (s *screen) note(event string) {
	s.events = append(s.events, event)
	s.events = s.events[max(len(s.events)-screenEvents, 0):]
	s.next = time.Time{} // at once
}

func (s *screen) close(snap func() snapshot) {
	s.draw(snap())
	_, _ = io.WriteString(s.to, showCursor)
}

// draw writes the frame over the one before, line by line, so that nothing flickers.
func (s *screen) draw(of snapshot) {
	frame := strings.ReplaceAll(s.render(of), "\n", clearLine+"\n")
	_, _ = io.WriteString(s.to, toTop+frame+clearBelow)
}

// render is a frame as text.
func (s *screen) render(of snapshot) string {
	var f strings.Builder
	line := func(format string, args ...any) {
		f.WriteString(cut(fmt.Sprintf(format, args...)) + "\n")
	}
	line("%s  flight delays, exactly once", s.paint(bold, "PITWHEEL"))
	for _, title := range s.titles {
		line("%s", s.paint(yellow, title))
	}
	line("%s %3.0f %%  %d of %d flights", s.paint(green, bar(of, 40)), 100*of.done(), of.committed, of.flights)
	line("%.0f flights/s, %d in flight, %.0f s, %s", of.perSecond, of.inFlight, of.elapsed.Seconds(), s.worker(of))
	line("stream time %s, %s", of.streamTime(), of.counters.dropped())
	s.hours(line, "LATEST HOURS", of.latest, latestRows, of.names)
	s.hours(line, "WORST HOURS", of.worst, worstRows, of.names)
	line("%s", s.paint(bold, fmt.Sprintf("%-34s %9s %10s %13s", "WORST AIRLINES", "flights", "cancelled", "average delay")))
	for i := range airlineRows {
		if i >= len(of.airlines) {
			line("")
			continue
		}
		a := of.airlines[i]
		line("%-34s %9d %10d %+9.1f min", a.name, a.Flights, a.cancelled(), a.average())
	}
	for _, event := range s.events {
		line("%s", s.paint(red, event))
	}
	return f.String()
}

// hours is a table of hours, always of as many lines, so that what is below stays where it is.
func (s *screen) hours(line func(string, ...any), title string, rows []hourRow, lines int, n names) {
	line("%s", s.paint(bold, fmt.Sprintf("%-40s %7s %19s", title, "flights", "average delay")))
	for i := range lines {
		if i >= len(rows) {
			line("")
			continue
		}
		r := rows[i]
		airport := n.airport(r.origin)
		at := time.Unix(r.start, 0).In(airport.zone).Format("Mon 2 Jan 15:04")
		line("%-23s %-16s %7d %+15.1f min", airport.name, at, r.Flights, r.average())
	}
}

func (s *screen) worker(of snapshot) string {
	if of.running {
		return fmt.Sprintf("worker %d runs", of.worker)
	}
	return s.paint(red, fmt.Sprintf("worker %d starts", of.worker))
}

func (s snapshot) done() float64 { return float64(s.committed) / float64(s.flights) }

func bar(of snapshot, columns int) string {
	full := int(of.done() * float64(columns))
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", columns-full) + "]"
}

// The colours, as ANSI has them.
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (s *screen) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// cut ends a line that is wider than a frame. Colour sequences take no columns.
func cut(line string) string {
	columns := 0
	for i := 0; i < len(line); {
		if line[i] == '\x1b' {
			end := strings.IndexByte(line[i:], 'm')
			i += end + 1
			continue
		}
		_, size := utf8.DecodeRuneInString(line[i:])
		if columns++; columns > screenColumns {
			return line[:i] + "\x1b[0m"
		}
		i += size
	}
	return line
}
