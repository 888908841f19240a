// Package pitwheel runs Kafka Streams topologies in Go: an App runs a plan, which package topology
// makes, as one instance of an application. Kafka is the distributed engine, the app a library in
// your process.
//
//	app, err := pitwheel.New(plan, pitwheel.Config{ApplicationID: "page-views", Brokers: []string{"localhost:9092"}})
//	...
//	err = app.Run(ctx)
//
// Instances of one ApplicationID share its tasks. State is in Config.StateDir and in changelog
// topics; a restart replays only what was not on disk yet. Under ExactlyOnce, the default, outputs,
// state and consumed offsets become visible together or not at all.
//
// # Position
//
// The top: it wires the plan, the engine and the state directory. Tests without Kafka are in
// package streamtest.
//
// # Ownership
//
// An App's methods may be called from any goroutine; Run once.
//
// # Invariants
//
//   - A1: Run returns nil only after all that was processed is committed, or was given up to be
//     processed again.
//   - A2: nothing listens on a socket.
//
// # Sources
//
// Kafka Streams: KafkaStreams, StreamsConfig.
package pitwheel
