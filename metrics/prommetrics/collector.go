package prommetrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pitwheel/pitwheel/metrics"
)

// Source is what has metrics: an App.
type Source interface {
	Metrics() metrics.Snapshot
}

// New collects the metrics of apps. All apps of a process that are registered with one registry need
// to be given to one New, because each metric may be registered once. An app that does not run yet has
// none.
func New(of ...Source) prometheus.Collector {
	c := &collector{of: of, descriptions: map[string]*prometheus.Desc{}}
	for _, m := range metrics.All() {
		labels := append([]string{"application", "instance"}, m.Labels...)
		c.descriptions[m.ID()] = prometheus.NewDesc(m.ID(), m.Help, labels, nil)
	}
	return c
}

type collector struct {
	of           []Source
	descriptions map[string]*prometheus.Desc // by ID
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descriptions {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	for _, source := range c.of {
		s := source.Metrics()
		if s.Instance == "" {
			continue
		}
		for p := range s.Points {
			to <- c.metric(&s, p)
		}
	}
}

func (c *collector) metric(s *metrics.Snapshot, p metrics.Point) prometheus.Metric {
	d := c.descriptions[p.Metric.ID()]
	labels := append([]string{s.Application, s.Instance}, p.Labels...)
	var m prometheus.Metric
	var err error
	switch p.Metric.Kind {
	case metrics.Counter:
		m, err = prometheus.NewConstMetric(d, prometheus.CounterValue, p.Value, labels...)
	case metrics.Gauge:
		m, err = prometheus.NewConstMetric(d, prometheus.GaugeValue, p.Value, labels...)
	case metrics.Durations:
		m, err = prometheus.NewConstHistogram(d, uint64(p.Durations.Count()), p.Durations.Sum.Seconds(), cumulative(p.Durations), labels...)
	}
	if err != nil {
		return prometheus.NewInvalidMetric(d, err)
	}
	return m
}

// cumulative counts what is at or below each bound, as Prometheus wants it.
func cumulative(h *metrics.Histogram) map[float64]uint64 {
	buckets, n := map[float64]uint64{}, int64(0)
	for i, bound := range metrics.Buckets() {
		n += h.Counts[i]
		buckets[bound.Seconds()] = uint64(n)
	}
	return buckets
}
