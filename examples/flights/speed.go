package main

import "time"

// speed is how fast a number rises, over the last second or so.
type speed struct{ samples []sample }

type sample struct {
	at time.Time
	n  int64
}

const (
	sampleEvery = 100 * time.Millisecond
	sampleSpan  = 1500 * time.Millisecond
)

func (s *speed) note(at time.Time, n int64) {
	if last := len(s.samples) - 1; last >= 0 && at.Sub(s.samples[last].at) < sampleEvery {
		return
	}
	s.samples = append(s.samples, sample{at, n})
	for at.Sub(s.samples[0].at) > sampleSpan {
		s.samples = s.samples[1:]
	}
}

// perSecond is 0 until there are two samples.
func (s *speed) perSecond() float64 {
	if len(s.samples) < 2 {
		return 0
	}
	first, last := s.samples[0], s.samples[len(s.samples)-1]
	return float64(last.n-first.n) / last.at.Sub(first.at).Seconds()
}
