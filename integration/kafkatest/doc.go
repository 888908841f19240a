// Package kafkatest gives a test a running Kafka, in one call:
//
//	func TestMain(m *testing.M) { kafkatest.Main(m) }
//
//	func TestCounts(t *testing.T) {
//		k := kafkatest.Run(t)
//		k.Create(3, views, perPage)
//		k.Start(plan, pitwheel.Config{})
//		k.Input(views).Send("ann", View{Page: "/home"}, 1_000)
//		got := k.Output(perPage).Next(1)
//
// It is a real one, in a container that the tests of a process share; or the one that KAFKA_BROKERS
// names; or, if asked for, the embedded one. Which it is, is logged and said by Kafka.Kind.
//
// # Position
//
// Above package cluster and pitwheel. Its Input and Output are used as streamtest's are, on a real
// topic.
//
// # Ownership
//
// A Kafka belongs to its test, and with it what comes from it: topics and apps end with the test.
// The broker behind it is shared, and ended by Main or Close.
//
// # Invariants
//
//   - K1: a test that cannot have a Kafka fails; it is skipped only where the environment says so.
//   - K2: only what a test itself made is removed from a Kafka that somebody else runs.
//
// # Sources
//
// Testcontainers; Kafka Streams: EmbeddedKafkaCluster, IntegrationTestUtils.
package kafkatest
