package metrics

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/pitwheel/pitwheel/record"
)

// row is a metric and how its values are read from a snapshot.
type row struct {
	Metric
	read reader
}

type reader func(s *Snapshot, add func(Point))

// app reads one value.
func app(value func(s *Snapshot) float64) reader {
	return func(s *Snapshot, add func(Point)) { add(Point{Value: value(s)}) }
}

// sometimes reads one value, or none.
func sometimes(value func(s *Snapshot) (float64, bool)) reader {
	return func(s *Snapshot, add func(Point)) {
		if v, ok := value(s); ok {
			add(Point{Value: v})
		}
	}
}

// loops reads one value of each loop.
func loops(value func(l *Loop) float64) reader {
	return loopPoints(func(_ *Snapshot, l *Loop) (Point, bool) { return Point{Value: value(l)}, true })
}

// loopsAgo reads how long ago something of each loop was, where it ever was.
func loopsAgo(at func(l *Loop) time.Time) reader {
	return loopPoints(func(s *Snapshot, l *Loop) (Point, bool) {
		seconds, ok := s.ago(at(l))
		return Point{Value: seconds}, ok
	})
}

func loopPoints(point func(s *Snapshot, l *Loop) (Point, bool)) reader {
	return func(s *Snapshot, add func(Point)) {
		for i := range s.Loops {
			if p, ok := point(s, &s.Loops[i]); ok {
				p.Labels = []string{strconv.Itoa(s.Loops[i].Index)}
				add(p)
			}
		}
	}
}

// tasks reads one value of each task.
func tasks(value func(t *Task) float64) reader {
	return tasksSometimes(func(t *Task) (float64, bool) { return value(t), true })
}

// tasksSometimes reads one value of each task that has any.
func tasksSometimes(value func(t *Task) (float64, bool)) reader {
	return func(s *Snapshot, add func(Point)) {
		for i := range s.Tasks {
			t := &s.Tasks[i]
			if v, ok := value(t); ok {
				add(Point{Labels: []string{t.ID.String()}, Value: v})
			}
		}
	}
}

// inputs reads one value of each input partition of a task that runs.
func inputs(value func(in *Input) float64) reader {
	return func(s *Snapshot, add func(Point)) {
		for i := range s.Tasks {
			t := &s.Tasks[i]
			for j := range t.Inputs {
				in := &t.Inputs[j]
				add(Point{Labels: []string{t.ID.String(), in.Topic, strconv.Itoa(int(in.Partition))}, Value: value(in)})
			}
		}
	}
}

// steps reads one value of each step that is counted.
func steps(value func(s *Step) int64) reader {
	return func(s *Snapshot, add func(Point)) {
		for i := range s.Tasks {
			t := &s.Tasks[i]
			for j := range t.Steps {
				if step := &t.Steps[j]; step.Counted {
					add(Point{Labels: []string{t.ID.String(), step.Name}, Value: float64(value(step))})
				}
			}
		}
	}
}

// stores reads one value of each store.
func stores(value func(s *Store) int64) reader {
	return func(s *Snapshot, add func(Point)) {
		for i := range s.Tasks {
			t := &s.Tasks[i]
			for j := range t.Stores {
				add(Point{Labels: []string{t.ID.String(), t.Stores[j].Name}, Value: float64(value(&t.Stores[j]))})
			}
		}
	}
}

// dropped reads a value of each reason, behind other labels.
func dropped(by map[string]int64, add func(Point), labels ...string) {
	for _, reason := range slices.Sorted(maps.Keys(by)) {
		add(Point{Labels: append(slices.Clip(labels), reason), Value: float64(by[reason])})
	}
}

// ago is how long before the snapshot something was; false if it never was.
func (s *Snapshot) ago(at time.Time) (seconds float64, ok bool) {
	return max(s.At.Sub(at), 0).Seconds(), !at.IsZero()
}

// unix is a time in seconds since the epoch; false if there is none.
func unix(at record.Time) (seconds float64, ok bool) { return float64(at) / 1000, at >= 0 }
