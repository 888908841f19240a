package cluster

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// DefaultImage is the brokers' where nothing else is said.
const DefaultImage = "apache/kafka:4.3.1"

// imageVariable names another image.
const imageVariable = "PITWHEEL_KAFKA_IMAGE"

func (c Config) withDefaults() Config {
	c.Brokers = max(c.Brokers, 1)
	c.Image = cmp.Or(c.Image, os.Getenv(imageVariable), DefaultImage)
	c.JVM = cmp.Or(c.JVM, "-XX:TieredStopAtLevel=1")
	return c
}

// environment is what tells the image how to run broker i: its properties, and the JVM's options.
func (c Config) environment(i int, host string, port int) map[string]string {
	voters := make([]string, c.Brokers)
	for j := range voters {
		voters[j] = fmt.Sprintf("%d@%s:9093", nodeID(j), alias(j))
	}
	replicas, inSync := strconv.Itoa(min(c.Brokers, 3)), strconv.Itoa(min(c.Brokers, 2))
	properties := map[string]string{
		"node.id":                                          strconv.Itoa(int(nodeID(i))),
		"process.roles":                                    "broker,controller",
		"controller.quorum.voters":                         strings.Join(voters, ","),
		"controller.listener.names":                        "CONTROLLER",
		"inter.broker.listener.name":                       "INTERNAL",
		"listeners":                                        fmt.Sprintf("EXTERNAL://:%d,INTERNAL://:19092,CONTROLLER://:9093", port),
		"advertised.listeners":                             fmt.Sprintf("EXTERNAL://%s:%d,INTERNAL://%s:19092", host, port, alias(i)),
		"listener.security.protocol.map":                   "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT",
		"log.dirs":                                         "/var/lib/kafka/data",
		"default.replication.factor":                       replicas,
		"min.insync.replicas":                              inSync,
		"auto.create.topics.enable":                        "false",
		"group.initial.rebalance.delay.ms":                 "0",
		"group.min.session.timeout.ms":                     "1000",
		"offsets.topic.num.partitions":                     "4",
		"offsets.topic.replication.factor":                 replicas,
		"transaction.state.log.num.partitions":             "4",
		"transaction.state.log.replication.factor":         replicas,
		"transaction.state.log.min.isr":                    inSync,
		"share.coordinator.state.topic.replication.factor": replicas,
		"share.coordinator.state.topic.min.isr":            inSync,
	}
	for name, value := range c.Properties {
		properties[name] = value
	}
	env := map[string]string{
		"CLUSTER_ID":      "4L6g3nShT-eMCtK--X86sw",
		"KAFKA_OPTS":      strings.TrimSpace(c.JVM),
		"KAFKA_HEAP_OPTS": "-Xms128m -Xmx512m",
	}
	for name, value := range properties {
		env[variable(name)] = value
	}
	return env
}

// variable is the name by which the official image takes a property.
func variable(property string) string {
	return "KAFKA_" + strings.ToUpper(strings.NewReplacer("-", "___", "_", "__", ".", "_").Replace(property))
}

// nodeID is broker i's node.id.
func nodeID(i int) int32 { return int32(i + 1) }

// alias is broker i's name in its cluster's network.
func alias(i int) string { return fmt.Sprintf("kafka%d", nodeID(i)) }
