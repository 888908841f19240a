// Package measure reads what the operating system says about this process, and turns it into a line of figures.
//
// # Position
//
// Below all programs of bench.
//
// # Ownership
//
// A Progress owns a goroutine until Stop.
//
// # Invariants
//
//   - ME1: samples are taken while the work goes on; a figure is the difference of two of them.
//
// # Sources
//
// getrusage(2), proc(5).
package measure
