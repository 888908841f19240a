package streamtest_test

import (
	"testing"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/streamtest"
	"github.com/pitwheel/pitwheel/topology"
)

// BenchmarkNew starts a driver with two tasks and a store, and ends it.
func BenchmarkNew(b *testing.B) {
	plan := build(b, func(b *topology.Builder) { countValues(b) })
	b.ReportAllocs()
	for b.Loop() {
		d := &cleaning{TB: b}
		streamtest.New(d, plan)
		d.clean()
	}
}

// BenchmarkPipe takes a record through two tasks, a repartition topic, a store and its changelog.
func BenchmarkPipe(b *testing.B) {
	d := streamtest.New(b, build(b, func(b *topology.Builder) { countValues(b) }))
	i := d.Input(in)
	values := []string{"a", "b", "c", "d"}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		i.Pipe("k", values[n%4], record.Time(n))
		n++
	}
}

// cleaning is a testing.TB whose test ends early.
type cleaning struct {
	testing.TB
	cleanups []func()
}

func (c *cleaning) Cleanup(f func()) { c.cleanups = append(c.cleanups, f) }

func (c *cleaning) clean() {
	for _, f := range c.cleanups {
		f()
	}
}
