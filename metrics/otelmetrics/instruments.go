package otelmetrics

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/pitwheel/pitwheel/metrics"
)

// Source is what has metrics: an App.
type Source interface {
	Metrics() metrics.Snapshot
}

// Register makes an instrument of each metric, which observe apps until the registration is ended. An
// app that does not run yet has no metrics. Error: the meter refuses an instrument.
func Register(meter metric.Meter, of ...Source) (metric.Registration, error) {
	i := &instruments{of: of, of64: map[string]metric.Float64Observable{}}
	var all []metric.Observable
	for _, m := range metrics.All() {
		for _, part := range parts(&m) {
			o, err := observable(meter, &m, part)
			if err != nil {
				return nil, fmt.Errorf("metric %s: %w", part.name, err)
			}
			i.of64[part.name] = o
			all = append(all, o)
		}
	}
	return meter.RegisterCallback(i.observe, all...)
}

// Name is OpenTelemetry's name of a metric: "pitwheel.task.process".
func Name(m *metrics.Metric) string {
	return "pitwheel." + m.Group + "." + strings.ReplaceAll(strings.TrimSuffix(m.Name, "-total"), "-", "_")
}

// part is an instrument of a metric: a histogram has two.
type part struct {
	name, unit string
	only       bool // grows
	value      func(p *metrics.Point) float64
}

func parts(m *metrics.Metric) []part {
	name := Name(m)
	if m.Kind != metrics.Durations {
		return []part{{name, unitOf(m), m.Kind == metrics.Counter, func(p *metrics.Point) float64 { return p.Value }}}
	}
	return []part{
		{name + ".count", "{calls}", true, func(p *metrics.Point) float64 { return float64(p.Durations.Count()) }},
		{name + ".sum", "s", true, func(p *metrics.Point) float64 { return p.Durations.Sum.Seconds() }},
	}
}

// unitOf is the unit in UCUM, with what is counted in braces.
func unitOf(m *metrics.Metric) string {
	switch m.Unit {
	case "":
		return "1"
	case "seconds":
		return "s"
	case "bytes":
		return "By"
	case "records/s":
		return "{records}/s"
	}
	return "{" + m.Unit + "}"
}

func observable(meter metric.Meter, m *metrics.Metric, of part) (metric.Float64Observable, error) {
	if of.only {
		return meter.Float64ObservableCounter(of.name, metric.WithUnit(of.unit), metric.WithDescription(m.Help))
	}
	return meter.Float64ObservableGauge(of.name, metric.WithUnit(of.unit), metric.WithDescription(m.Help))
}

type instruments struct {
	of   []Source
	of64 map[string]metric.Float64Observable // by name
}

func (i *instruments) observe(_ context.Context, o metric.Observer) error {
	for _, source := range i.of {
		s := source.Metrics()
		if s.Instance == "" {
			continue
		}
		for p := range s.Points {
			labels := []attribute.KeyValue{
				attribute.String("application", s.Application), attribute.String("instance", s.Instance),
			}
			for j, name := range p.Metric.Labels {
				labels = append(labels, attribute.String(name, p.Labels[j]))
			}
			with := metric.WithAttributes(labels...)
			for _, part := range parts(p.Metric) {
				o.ObserveFloat64(i.of64[part.name], part.value(&p), with)
			}
		}
	}
	return nil
}
