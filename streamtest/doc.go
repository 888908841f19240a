// Package streamtest runs a topology without Kafka, in the goroutine of the test: a record that is
// piped in is processed to its end before Pipe returns, and the wall clock moves by Advance alone.
// A driver starts in microseconds. What would stop the app fails the test.
//
//	d := streamtest.New(t, plan)
//	in, out := d.Input(views), d.Output(perPage)
//	in.Pipe("ann", View{Page: "/home"}, 1_000)
//	r, ok := out.Next()
//
// # Position
//
// Above topology and the engine's Task, which the app runs too: only the topics are made up. It is
// what Kafka's TopologyTestDriver is, with as many partitions as wanted. What only a cluster shows
// is not here: the order between tasks of an app, transactions, rebalances.
//
// # Ownership
//
// A Driver belongs to the test's goroutine, with all that comes from it. It starts no goroutine
// and is closed when the test ends.
//
// # Invariants
//
//   - T1: the same calls give the same records in every topic, byte for byte.
//   - T2: each record is committed before the next one is taken, with what it made due by stream time,
//     so record caches are flushed and changelogs written behind every record; and so is what Advance
//     made due in a task.
//   - T3: of all heads of the partitions to be read, the one with the lowest Kafka timestamp is
//     taken next; of equals, the one that TopologyTestDriver's java.util.PriorityQueue gives.
//   - T4: a topic holds only what is committed.
//
// # Sources
//
// Kafka Streams: TopologyTestDriver, TestInputTopic, TestOutputTopic (KIP-247, KIP-470),
// PartitionGroup.
package streamtest
