// Package cluster runs a real Apache Kafka in Docker containers, for tests and for programs that
// break it on purpose: brokers are killed, stopped, paused and started again, and keep their
// addresses and their data.
//
//	c, err := cluster.Start(ctx, cluster.Config{Brokers: 3})
//	if err != nil { ... }
//	defer c.Close()
//	app, err := pitwheel.New(plan, pitwheel.Config{Brokers: c.Addrs(), ...})
//	err = c.Kill(ctx, 0)
//	err = c.Restart(ctx, 0)
//
// # Position
//
// Above testcontainers-go and Docker's API, below kafkatest, which gives it to tests. It does not
// import testing, so that a command can use it too.
//
// # Ownership
//
// A Cluster is safe for concurrent use. Whoever started it closes it; if that is not done, as after
// a panic or a kill -9, what is left of it goes a moment after the process (see guard.go).
//
// # Invariants
//
//   - C1: a broker's address is the same as long as the cluster lives, and no other cluster of this
//     package is given its port meanwhile, in whatever process.
//   - C2: what a broker has written survives all but Close.
//   - C3: after Start and Restart each running broker answers, knows all others that run, and topics
//     can be made.
//
// # Sources
//
// Kafka: the official image's KAFKA_ environment; KIP-500 for brokers that are controllers too.
package cluster
