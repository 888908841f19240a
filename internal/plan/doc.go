// Package plan is a compiled topology without types: what the engine and the test driver run.
//
// # Position
//
// Above store and processor, below topology, which makes plans, and internal/reactor, which runs
// them. Being internal, it keeps a topology.Plan opaque to users.
//
// # Ownership
//
// A Plan is immutable and shared by all tasks.
//
// # Invariants
//
//   - P1: in Nodes every parent stands before its children.
//   - P2: subtopologies are the parts that edges and shared stores connect, numbered in the order of their first node.
//   - P3: an internal topic's name has no application id; TopicName puts it before.
//
// # Sources
//
// Kafka Streams: InternalTopologyBuilder (makeNodeGroups, describe), CopartitionedTopicsEnforcer.
package plan
