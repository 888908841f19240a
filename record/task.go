package record

import "strconv"

// TaskID names a task: one subtopology and one partition. Kafka: org.apache.kafka.streams.processor.TaskId.
type TaskID struct{ Subtopology, Partition int32 }

// String is "subtopology_partition", as in Kafka Streams' logs and directories.
func (t TaskID) String() string {
	return strconv.Itoa(int(t.Subtopology)) + "_" + strconv.Itoa(int(t.Partition))
}
