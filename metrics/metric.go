package metrics

import "strings"

// Kind is how a metric is to be read.
type Kind int

// The kinds.
const (
	Counter   Kind = iota // only grows, from zero when the app (or the task) starts
	Gauge                 // goes up and down
	Durations             // a Histogram
)

// String is the kind's name.
func (k Kind) String() string { return [...]string{"counter", "gauge", "histogram"}[k] }

// Metric describes one.
type Metric struct {
	// Group is what it is measured of: app, loop, task, input, step or store. Kafka Streams groups by
	// stream-metrics, stream-thread-metrics, stream-task-metrics, stream-topic-metrics,
	// stream-processor-node-metrics and stream-state-metrics.
	Group string
	Name  string // in its group, Kafka Streams' where it has one: "process-total"
	Kind  Kind
	Unit  string // "records", "bytes", "seconds" ... ; empty: a plain number
	// Labels beside those that every metric has, which are application and instance.
	Labels []string
	Kafka  string // "<group> <name>" of the same, or nearly the same, in Kafka Streams; empty: none
	Help   string
}

// ID is the metric's name in all: "pitwheel_task_process_total". It follows Prometheus' rules: the unit
// where it is bytes or seconds, and total last where it only grows.
func (m *Metric) ID() string {
	name := "pitwheel_" + m.Group + "_" + strings.ReplaceAll(strings.TrimSuffix(m.Name, "-total"), "-", "_")
	if (m.Unit == "bytes" || m.Unit == "seconds") && !strings.HasSuffix(name, m.Unit) {
		name += "_" + m.Unit
	}
	if m.Kind == Counter {
		name += "_total"
	}
	return name
}

// All are all metrics.
func All() []Metric {
	all := make([]Metric, len(table))
	for i := range table {
		all[i] = table[i].Metric
	}
	return all
}

// Point is a value of a metric.
type Point struct {
	Metric    *Metric
	Labels    []string // values, in the order of Metric.Labels
	Value     float64
	Durations *Histogram // of the kind Durations, in place of Value
}

// Points hands out all values of the snapshot, metric by metric in the order of All. What is not known,
// such as the stream time before the first record, is left out.
func (s *Snapshot) Points(yield func(Point) bool) {
	for i := range table {
		row, more := &table[i], true
		row.read(s, func(p Point) {
			if more {
				p.Metric = &row.Metric
				more = yield(p)
			}
		})
		if !more {
			return
		}
	}
}
