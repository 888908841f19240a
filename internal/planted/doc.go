// Package planted has the known mistakes of exactly-once as switches, to prove that the tests see them.
//
// # Position
//
// At the bottom: who has a step of the protocol asks whether to get it wrong. Without the build tag
// "planted" each switch is a constant, and the compiler leaves the mistake out.
//
// # Ownership
//
// Nothing: the switches never change.
//
// # Invariants
//
//   - B1: no release has a planted bug: they take a build tag that nothing documented sets but "make planted".
//   - B2: each bug is caught by the test that stands beside it in catchers.txt, which passes without it.
//
// # Sources
//
// The traps of KIP-98, KIP-447, KIP-890 and of the client, each met by somebody: docs/reliability.md.
package planted
