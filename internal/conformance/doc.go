// Package conformance compares topologies with Kafka Streams: what its own TopologyTestDriver
// recorded of each of them is what streamtest must give.
//
// A file of vectors/ is one case: a topology in Java, scenarios of records to pipe into it, and
// what came out after each. The test has the same topology in Go under the same id, built with the
// public DSL. A case without one fails, unless pending.txt lists it; then it counts as not passed.
// PITWHEEL_CONFORMANCE=<dir> runs the same topologies against other vectors.
//
// # Position
//
// Beside everything: it has tests alone, and imports what users import.
//
// # Ownership
//
// Each scenario has a plan and a driver of its own.
//
// # Invariants
//
//   - V1: no input and no result of a case stands in Go: both come from its vector.
//   - V2: outputs and repartition topics are equal record by record; a changelog by its last
//     record per key and step, but for tombstones of keys that had no row.
//   - V3: where Kafka Streams' result is a bug, one field's comparison says so, and
//     docs/deviations.md.
//
// # Sources
//
// Apache Kafka Streams 4.3.1, run by TopologyTestDriver.
package conformance
