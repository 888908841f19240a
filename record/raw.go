package record

// Raw is a record as Kafka holds it, within a partition that is known from elsewhere.
type Raw struct {
	Key, Value  []byte // nil: null
	Time        Time   // Kafka's timestamp; -1: none
	Offset      int64
	LeaderEpoch int32 // of the batch it came in; -1: unknown
	Headers     Headers
}

// Size is about what the record takes in memory, in bytes.
func (r *Raw) Size() int {
	n := len(r.Key) + len(r.Value) + 96
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value) + 40
	}
	return n
}

// Partition names one partition of a topic.
type Partition struct {
	Topic string
	ID    int32
}
