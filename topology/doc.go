// Package topology is the typed DSL and the compiler of its graphs into plans.
//
// A Builder reads topics as streams, verbs make streams and tables of them, Build compiles what
// they make. Call sites write no type arguments. One rule holds for every function given to a
// verb: the key comes first, then the values.
//
//	b := topology.NewBuilder()
//	b.Stream(lines).
//		FlatMapValues(words).
//		GroupBy(func(_, word string) string { return word }).
//		Count(topology.As("counts")).
//		ToStream().
//		To(counts)
//	plan, err := b.Build()
//
// # Position
//
// Above processor, whose operators it binds, and internal/plan, whose Plan it makes. Apps and the
// test driver take the Plan; this package knows nothing of Kafka.
//
// # Ownership
//
// A Builder, and what its verbs return, belong to one goroutine; they are values that name a step
// of the builder. A Plan is immutable and may be shared. The functions given to verbs are called
// by all tasks, several at the same time.
//
// # Invariants
//
//   - T1: no mistake in a topology panics: each is reported by Build, all at once. Only a verb of
//     a zero Stream or Table panics, for it has no builder to tell.
//   - T2: names, their numbers and the order of nodes are Kafka Streams', so that the same
//     topology finds the same topics. Each verb takes as many numbers as its Java method, whether
//     they are used or not.
//   - T3: a repartition topic stands where records are grouped and their key was changed since
//     they were last partitioned by key.
//   - T4: children are called in the order in which they were added.
//   - T5: a serde is found by type only where bytes are needed and none came along: Go's basic
//     types have their own, then come those given to UseSerde.
//   - T6: the graph holds no types. A node asserts the types of its children once, when a task is
//     bound; the verbs' types make sure that this cannot fail.
//   - T7: a table's store is made only where something asks for it; whether a table's step sends old
//     values is settled as the steps behind it are made, in the order of the calls.
//   - T8: a side output is a node of the graph and not of the plan: what follows it hangs under the
//     processors that emit to it, and each of them knows which of its children are whose.
//   - T9: no method leads from a type to one whose arguments wrap its own: Go refuses that as an
//     instantiation cycle. So windowed results have types of their own.
//
// # Sources
//
// Kafka Streams: InternalStreamsBuilder, KStreamImpl, KTableImpl, KGroupedStreamImpl,
// TimeWindowedKStreamImpl, GroupedStreamAggregateBuilder, CogroupedStreamAggregateBuilder,
// BranchedKStreamImpl, NamedInternal, MaterializedInternal, TableSourceNode,
// OptimizableRepartitionNode, ProcessorToStateConnectorNode, StateStoreNode, InternalTopologyBuilder.
// KIP-150, KIP-295, KIP-307, KIP-372, KIP-523, KIP-820, KIP-1111.
package topology
