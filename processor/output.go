package processor

import (
	"github.com/pitwheel/pitwheel/record"
)

// Topic is a topic that a sink writes to, as its task knows it.
type Topic struct {
	Name       string
	Partitions int32
}

// Output is an encoded record on its way to a topic.
type Output struct {
	Topic      *Topic
	Partition  int32  // -1: the engine chooses, for records without a key
	Key, Value []byte // nil: null
	Time       record.Time
	Headers    record.Headers
}

// Outputs are the records that a task's steps have put out and the engine has not yet taken, in
// order. Their bytes stand in chunks that are never written again where a record stands.
type Outputs struct {
	Records []Output
	// Refuse says of a record that brokers would refuse it for good, and why: its step fails. Nil,
	// which is usual: none is known.
	Refuse func(*Output) error

	chunk []byte
}

const (
	outputChunk = 64 << 10
	// outputRoom is what must be left of a chunk for another record to be started in it.
	outputRoom = 512
)

// Tail is where the next record's bytes may be appended; Keep must follow, or nothing is kept.
func (o *Outputs) Tail() []byte {
	if cap(o.chunk)-len(o.chunk) < outputRoom {
		o.chunk = make([]byte, 0, outputChunk)
	}
	return o.chunk[len(o.chunk):len(o.chunk):cap(o.chunk)]
}

// Keep takes over what was appended to the last Tail; used is the whole of it.
func (o *Outputs) Keep(used []byte) {
	if cap(used) == cap(o.chunk)-len(o.chunk) {
		o.chunk = o.chunk[:len(o.chunk)+len(used)]
		return
	}
	// It outgrew the chunk and stands elsewhere. Its own memory goes on as the chunk: the old
	// one has too little room for records of this size, which would outgrow it each time.
	o.chunk = used
}

// Add puts a record out.
func (o *Outputs) Add(r Output) { o.Records = append(o.Records, r) }
