package processor

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/pitwheel/pitwheel/record"
	"github.com/pitwheel/pitwheel/serde"
	"github.com/pitwheel/pitwheel/store"
)

// SuppressConfig says how long a table's updates are held back.
type SuppressConfig[K, V any] struct {
	Key   serde.Serde[K] // the store's
	Value serde.Serde[V]
	// Wait is how long an update is held, in stream time, from BufferTime on.
	Wait time.Duration
	// BufferTime is when a key's update begins to be held; nil: with the time of its first one.
	BufferTime func(K) record.Time
	// Final drops deletions: who gets one result of a window wants no other.
	Final bool
	// MaxRecords and MaxBytes bound what is held; zero: they do not. When there is more, the oldest go
	// early, or else the task ends with a FullError.
	MaxRecords int
	MaxBytes   int64
	EmitEarly  bool
}

// FullError is that a suppression holds more than it may. It ends the task: with the same input it would be
// the same.
type FullError struct {
	Step       string
	Records    int
	MaxRecords int // zero: any number
	Bytes      int64
	MaxBytes   int64 // zero: any number
}

// Error gives the numbers and the ways out.
func (e *FullError) Error() string {
	return fmt.Sprintf("step %q: the suppression's buffer is full: %d records (MaxRecords %d), %d bytes (MaxBytes %d): give it "+
		"more room, or, until a time limit, EmitEarly", e.Step, e.Records, e.MaxRecords, e.Bytes, e.MaxBytes)
}

// Suppress holds a table's updates back and hands on the last one of each key, when stream time has
// reached its buffer time and the wait: by buffer time, then key bytes. Later updates of a key take the
// place of the one that is held, and its buffer time. What leaves has the time and headers of the last
// update, and as old value what that one replaced. rows is the buffer; it holds Kafka Streams' bytes. Kafka:
// KTableSuppressProcessorSupplier.
func Suppress[K, V any](
	step *Step, task Runtime, rows *store.KeyValueStore[K, []byte], c SuppressConfig[K, V], next EmitChange[K, V],
) EmitChange[K, V] {
	s := &suppression[K, V]{
		step: step, task: task, rows: rows, config: c, next: next,
		wait: record.Time(c.Wait / time.Millisecond), streamTime: -1,
	}
	return s.process
}

type suppression[K, V any] struct {
	step   *Step
	task   Runtime
	rows   *store.KeyValueStore[K, []byte]
	config SuppressConfig[K, V]
	next   EmitChange[K, V]
	wait   record.Time

	streamTime record.Time // the highest time of an update; -1 before the first
	read       bool        // the queue has what the store had
	queue      heldQueue
	bytes      int64 // of what is held

	key, row, scratch []byte
	change            Change[K, V]
}

func (s *suppression[K, V]) process(c *Change[K, V]) error {
	if err := s.load(); err != nil {
		return err
	}
	s.streamTime = max(s.streamTime, c.Time)
	if err := s.hold(c); err != nil {
		return s.step.Fail(Encode, err)
	}
	return s.release()
}

// load puts what the store holds into the queue, once: before that the task's state may not be there.
func (s *suppression[K, V]) load() error {
	if s.read {
		return nil
	}
	s.read = true
	for k, row := range s.rows.All() {
		key, err := s.config.Key.Append(nil, k)
		if err != nil {
			return s.broken(err)
		}
		h, err := splitHeldRow(row)
		if err != nil {
			return s.broken(err)
		}
		s.queue.push(heldKey{h.bufferTime, string(key)})
		s.bytes += h.heldBytes(key, row)
	}
	return nil
}

// broken is an error of what stands in the store, which no error policy can let pass.
func (s *suppression[K, V]) broken(err error) error {
	return &StepError{Step: s.step.Name, Doing: "reading the suppression's buffer", Err: err}
}

// hold puts the update into the buffer, in the place of the key's that is held.
func (s *suppression[K, V]) hold(c *Change[K, V]) (err error) {
	if s.key, err = s.config.Key.Append(s.key[:0], c.Key); err != nil {
		return fmt.Errorf("encode the key for the suppression's buffer: %w", err)
	}
	var old, next []byte
	if old, next, err = s.values(c); err != nil {
		return fmt.Errorf("encode the value for the suppression's buffer: %w", err)
	}
	bufferTime := c.Time
	if s.config.BufferTime != nil {
		bufferTime = s.config.BufferTime(c.Key)
	}
	prior := old
	stored, _, has := s.rows.Find(c.Key)
	if has {
		h, err := splitHeldRow(stored)
		if err != nil {
			return err
		}
		prior, bufferTime = h.prior, h.bufferTime
		s.bytes -= h.heldBytes(s.key, stored)
	} else {
		s.queue.push(heldKey{bufferTime, string(s.key)})
	}
	m, known := s.task.Metadata()
	if !known {
		m = Metadata{Partition: -1, Offset: -1}
	}
	s.row = appendHeldContext(s.row[:0], c.Time, m, c.Headers)
	s.row = appendHeldValues(s.row, prior, old, next, bufferTime)
	headers := heldRow{headers: len(c.Headers)}
	s.bytes += headers.heldBytes(s.key, s.row)
	s.rows.Set(s.row, noTime)
	return nil
}

// noTime is the time of rows that have none: the changelog's records get their producer's clock, as in
// Kafka Streams.
const noTime = record.Time(-1)

// values are the encoded old and new value; nil: there is none.
func (s *suppression[K, V]) values(c *Change[K, V]) (old, next []byte, err error) {
	s.scratch = s.scratch[:0]
	if c.HasOld {
		if s.scratch, err = s.config.Value.Append(s.scratch, c.Old); err != nil {
			return nil, nil, err
		}
	}
	at := len(s.scratch)
	if c.HasNew {
		if s.scratch, err = s.config.Value.Append(s.scratch, c.New); err != nil {
			return nil, nil, err
		}
	}
	if s.scratch == nil {
		s.scratch = []byte{}
	}
	if c.HasOld {
		old = s.scratch[:at:at]
	}
	if c.HasNew {
		next = s.scratch[at:]
	}
	return old, next, nil
}

// release hands on what has been held long enough, and what there is no room for.
func (s *suppression[K, V]) release() error {
	for len(s.queue) > 0 && s.queue[0].time <= s.streamTime-s.wait {
		if err := s.emit(); err != nil {
			return err
		}
	}
	for s.full() {
		if !s.config.EmitEarly {
			return &FullError{
				Step: s.step.Name, Records: len(s.queue), MaxRecords: s.config.MaxRecords,
				Bytes: s.bytes, MaxBytes: s.config.MaxBytes,
			}
		}
		if err := s.emit(); err != nil {
			return err
		}
	}
	return nil
}

func (s *suppression[K, V]) full() bool {
	return len(s.queue) > 0 && (s.config.MaxRecords > 0 && len(s.queue) > s.config.MaxRecords ||
		s.config.MaxBytes > 0 && s.bytes > s.config.MaxBytes)
}

// emit hands on the oldest update and takes it out of the buffer.
func (s *suppression[K, V]) emit() error {
	first := s.queue.pop()
	key, err := s.config.Key.Decode([]byte(first.key))
	if err != nil {
		return s.broken(err)
	}
	row, _, ok := s.rows.Find(key)
	if !ok {
		return nil // the store has failed, and the task with it
	}
	h, err := splitHeldRow(row)
	if err != nil {
		return s.broken(err)
	}
	s.bytes -= h.heldBytes([]byte(first.key), row)
	c := &s.change
	*c = Change[K, V]{Key: key, Time: h.time, HasNew: h.next != nil, HasOld: h.old != nil, Headers: h.recordHeaders()}
	if c.HasNew {
		c.New, err = s.config.Value.Decode(bytes.Clone(h.next))
	}
	if c.HasOld && err == nil {
		c.Old, err = s.config.Value.Decode(bytes.Clone(h.old))
	}
	if err != nil {
		return s.broken(err)
	}
	s.rows.Remove(noTime)
	if s.config.Final && !c.HasNew {
		return nil
	}
	return s.next(c)
}

// heldKey is a key that is held, and since when.
type heldKey struct {
	time record.Time
	key  string
}

func (k heldKey) before(o heldKey) bool {
	return k.time < o.time || k.time == o.time && k.key < o.key
}

// heldQueue is a heap of keys: the first is the one that leaves first.
type heldQueue []heldKey

func (q *heldQueue) push(k heldKey) {
	*q = append(*q, k)
	h := *q
	for at := len(h) - 1; at > 0; {
		parent := (at - 1) / 2
		if !h[at].before(h[parent]) {
			return
		}
		h[at], h[parent] = h[parent], h[at]
		at = parent
	}
}

// pop takes the first one.
func (q *heldQueue) pop() heldKey {
	h := *q
	first, last := h[0], len(h)-1
	h[0] = h[last]
	*q = slices.Delete(h, last, last+1)
	h = *q
	for at := 0; ; {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(h); child++ {
			if h[child].before(h[least]) {
				least = child
			}
		}
		if least == at {
			return first
		}
		h[at], h[least] = h[least], h[at]
		at = least
	}
}
