// Package prommetrics gives an app's metrics to Prometheus.
//
//	registry := prometheus.NewRegistry()
//	registry.MustRegister(prommetrics.New(app))
//	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
//
// It opens no socket: who wants one makes it, as above. docs/metrics.md has every name.
//
// # Position
//
// Above metrics, beside the app: who does not import it does not link Prometheus' client.
//
// # Ownership
//
// A Collector may be used by several goroutines; each collection takes one snapshot of each app.
//
// # Invariants
//
// None of its own.
//
// # Sources
//
// Prometheus' client for Go, and its rules for names.
package prommetrics
