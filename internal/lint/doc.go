// Package lint holds the house style as tests: what a reviewer would otherwise have to remember.
//
// # Position
//
// Beside everything: it reads the repository's files and imports nothing of pitwheel. What any Go
// project would check is in .golangci.yml instead.
//
// # Ownership
//
// The repository is read once per run and then only looked at.
//
// # Invariants
//
//   - L1: a message names the file, the line and the way out.
//   - L2: an exception stands in exceptions_test.go with its reason, and goes when it is not needed.
//
// # Sources
//
// Pebble's internal/lint, TigerBeetle's tidy.zig, Kafka's import-control.xml.
package lint
