package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/internal/planted"
	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// ProducerConfig is a loop's producer.
type ProducerConfig struct {
	Group           string
	TransactionalID string        // empty: not transactional, but idempotent
	Timeout         time.Duration // of a transaction
	BufferBytes     int           // that may be on their way; at least 1 MiB

	Codec Codec // zero: none

	// MaxBytes is how large a batch, and so a record, may be for a topic, before compression; from 512
	// to 1 GiB. It is asked once after each Renew. Nil: Kafka's default for all.
	MaxBytes func(topic string) int32
}

// Producer produces a loop's records. Under exactly-once each commit is a transaction with its
// offsets in it; else records are idempotent and offsets are committed after them.
//
// The transactional client is a group session without topics: it never joins, and commits what it
// is told in the name of the member that consumes.
type Producer struct {
	config  Config
	of      ProducerConfig
	client  *kgo.Client
	session *kgo.GroupTransactSession // nil: not transactional
	begun   bool
	slab    []kgo.Record
	outcome *outcome // of the client's records
	noted   func(*kgo.Record, error)
}

// NewProducer makes a producer and, if it is transactional, fences whoever had its id before and
// waits until their transaction is decided.
func NewProducer(ctx context.Context, c Config, of ProducerConfig) (*Producer, error) {
	p := &Producer{config: c.Shared(), of: of}
	if err := p.Renew(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// Renew replaces the client by a new one of the same transactional id. That fences what the old
// one may still have on the way, and returns once its last transaction is decided.
func (p *Producer) Renew(ctx context.Context) error {
	p.Close()
	opts := p.config.options(
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5*time.Millisecond),
		// Bytes are what is bounded: when so many are on their way, producing waits for brokers.
		kgo.MaxBufferedRecords(1<<20),
		kgo.MaxBufferedBytes(max(p.of.BufferBytes, 1<<20)),
		p.of.Codec.option(),
	)
	if p.of.MaxBytes != nil {
		opts = append(opts, kgo.ProducerBatchMaxBytesFn(p.of.MaxBytes))
	}
	// Each client has its own: the records of a closed one fail one after another, some later.
	p.outcome = &outcome{access: p.config.Access, most: p.of.MaxBytes}
	p.noted = p.outcome.note
	if p.of.TransactionalID == "" {
		return p.renewPlain(ctx, opts)
	}
	return retry(ctx, p.config.Access, fmt.Sprintf("take transactional id %q", p.of.TransactionalID), func(ctx context.Context) error {
		session, err := kgo.NewGroupTransactSession(append(opts,
			kgo.ConsumerGroup(p.of.Group),
			kgo.TransactionalID(p.of.TransactionalID),
			kgo.TransactionTimeout(p.of.Timeout),
		)...)
		if err != nil {
			return err
		}
		if planted.LazyProducerID {
			p.session, p.client = session, session.Client()
			return nil
		}
		// The client asks for its producer id lazily; asking now is what fences.
		if _, _, err := session.Client().ProducerID(ctx); err != nil {
			session.Close()
			return p.config.Access.denied(err, Right{"Write", "transactional-id", p.of.TransactionalID})
		}
		p.session, p.client = session, session.Client()
		return nil
	})
}

// renewPlain makes a client without transactions. It asks for its producer id now: left to itself the
// client asks with the first record, and where connections are refused does so again and again without
// a pause (franz-go 1.22).
func (p *Producer) renewPlain(ctx context.Context, opts []kgo.Opt) error {
	return retry(ctx, p.config.Access, "take a producer id", func(ctx context.Context) error {
		client, err := kgo.NewClient(opts...)
		if err != nil {
			return err
		}
		if _, _, err := client.ProducerID(ctx); err != nil {
			client.Close()
			return p.config.Access.denied(err, Right{"IdempotentWrite", "cluster", ""})
		}
		p.client = client
		return nil
	})
}

// Close ends the client; records on the way are given up.
func (p *Producer) Close() {
	if p.client != nil {
		p.client.CloseAllowingRebalance()
	}
	p.client, p.session, p.begun = nil, nil, false
}

// Ack collects how far a partition's records are acknowledged.
type Ack struct {
	next  atomic.Int64
	noted func(*kgo.Record, error)
}

// errNoOffset is of a record whose batch the broker already had: it is there, but where is not said.
// A commit has to know, so it is done again.
var errNoOffset = errors.New("acknowledged without an offset")

// NewAck makes an Ack for records of this producer, until Renew.
func (p *Producer) NewAck() *Ack {
	a := &Ack{}
	noted := p.noted
	a.noted = func(r *kgo.Record, err error) {
		if err == nil && r.Offset < 0 {
			err = errNoOffset
		}
		if err == nil {
			a.note(r.Offset)
		}
		noted(r, err)
	}
	return a
}

// Next is the offset after the last acknowledged record; 0 if there was none.
func (a *Ack) Next() int64 { return a.next.Load() }

func (a *Ack) note(offset int64) {
	for next := a.next.Load(); offset+1 > next; next = a.next.Load() {
		if a.next.CompareAndSwap(next, offset+1) {
			return
		}
	}
}

// Produce sends the record on its way, within a transaction if there are any. The record's bytes
// must not change. Whether it arrived shows at Flush. ack, if not nil, notes its offset.
func (p *Producer) Produce(ctx context.Context, out *processor.Output, ack *Ack) error {
	if err := p.begin(); err != nil {
		return err
	}
	if len(p.slab) == 0 {
		p.slab = make([]kgo.Record, 256)
	}
	r := &p.slab[0]
	p.slab = p.slab[1:]
	r.Topic, r.Partition = out.Topic.Name, out.Partition
	r.Key, r.Value = out.Key, out.Value
	if out.Time >= 0 { // else the client gives it the clock's
		r.Timestamp = out.Time.Time()
	}
	if len(out.Headers) > 0 {
		r.Headers = make([]kgo.RecordHeader, len(out.Headers))
		for i, h := range out.Headers {
			r.Headers[i] = kgo.RecordHeader{Key: h.Key, Value: h.Value}
		}
	}
	if ack == nil {
		p.client.Produce(ctx, r, p.noted)
	} else {
		p.client.Produce(ctx, r, ack.noted)
	}
	return nil
}

// begin begins a transaction if there are any and none is open.
func (p *Producer) begin() error {
	if p.client == nil {
		return errNoClient
	}
	if p.session == nil || p.begun {
		return nil
	}
	if err := p.session.Begin(); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	p.begun = true
	return nil
}

// errNoClient is of a producer that a failed Renew has left without a client.
var errNoClient = errors.New("the producer has no client: its renewal failed")

// outcome is what became of a client's records.
type outcome struct {
	access *Access
	most   func(topic string) int32 // nil: not known

	mu       sync.Mutex
	failed   error // the first
	suspects []Suspect
}

// note keeps the first failure: the client commits whatever succeeded, so we must not.
func (o *outcome) note(r *kgo.Record, err error) {
	if err == nil || planted.IgnoreProduceError {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	refused := Refused(err)
	if o.failed != nil && !refused {
		return
	}
	err = o.access.denied(err, WriteTopic(r.Topic), Right{"IdempotentWrite", "cluster", ""})
	of := &ProduceError{Topic: r.Topic, Partition: r.Partition, KeyBytes: len(r.Key), ValueBytes: len(r.Value), Err: err}
	if o.most != nil {
		of.Most = o.most(r.Topic)
	}
	if o.failed == nil {
		o.failed = of
	}
	if refused {
		o.suspects = append(o.suspects, Suspect{r, of})
	}
}

// ProduceError is a record that the brokers did not take.
type ProduceError struct {
	Topic                string
	Partition            int32
	KeyBytes, ValueBytes int
	Most                 int32 // that the topic takes, as far as it is known; 0: it is not
	Err                  error
}

// Error names the topic, the partition, the record's size and the cause.
func (e *ProduceError) Error() string {
	s := fmt.Sprintf("produce to topic %q partition %d a record of %d+%d bytes: %v", e.Topic, e.Partition, e.KeyBytes, e.ValueBytes, e.Err)
	if e.Most > 0 && tooLarge(e.Err) {
		s += fmt.Sprintf(" (with its headers and a batch's a record of this topic may have %d bytes before compression, by the topic's max.message.bytes)", e.Most)
	}
	return s
}

// Unwrap is the cause.
func (e *ProduceError) Unwrap() error { return e.Err }

// Flush waits until every record is acknowledged or has failed, and returns the first failure.
func (p *Producer) Flush(ctx context.Context) error {
	if p.client == nil {
		return errNoClient
	}
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("flush produced records: %w", err)
	}
	p.outcome.mu.Lock()
	defer p.outcome.mu.Unlock()
	return p.outcome.failed
}

// Offset is how far an input partition is processed.
type Offset struct {
	Partition record.Partition
	TopicID   [16]byte
	At        int64
	Metadata  string
}

// Commit commits the offsets in the name of the consuming member: in the transaction, which it
// ends, or by themselves. Nil means committed. Any error means that it is unknown whether it was:
// Renew, then look for the committed offsets' metadata.
func (p *Producer) Commit(ctx context.Context, member Member, offsets []Offset) error {
	if err := p.begin(); err != nil {
		return err
	}
	if p.session == nil {
		return p.commitOffsets(ctx, member, offsets)
	}
	p.begun = false
	ctx = kgo.PreTxnCommitFnContext(ctx, func(req *kmsg.TxnOffsetCommitRequest) error {
		req.MemberID, req.Generation = member.ID, member.Generation
		if member.InstanceID != "" {
			req.InstanceID = &member.InstanceID
		}
		req.Topics = nil
		for _, o := range offsets {
			partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			partition.Partition, partition.Offset, partition.Metadata = o.Partition.ID, o.At, &o.Metadata
			topic := kmsg.NewTxnOffsetCommitRequestTopic()
			topic.Topic, topic.TopicID = o.Partition.Topic, o.TopicID
			topic.Partitions = append(topic.Partitions, partition)
			req.Topics = append(req.Topics, topic)
		}
		return nil
	})
	committed, err := p.session.End(ctx, kgo.TryCommit)
	if committed && err == nil {
		return nil
	}
	// Not confirmed. The session also says "not committed" where it lost the answer of a commit
	// and then aborted nothing, so its word is not enough.
	if err == nil {
		err = errors.New("the transaction was not committed")
	}
	if errors.Is(err, kerr.FencedInstanceID) {
		err = sameInstance(err)
	}
	topics := make([]string, len(offsets))
	for i, o := range offsets {
		topics[i] = o.Partition.Topic
	}
	slices.Sort(topics)
	return p.config.Access.denied(err, Right{"Read", "group", p.of.Group}, Right{"Write", "transactional-id", p.of.TransactionalID},
		ReadTopic(strings.Join(slices.Compact(topics), "', '")))
}

// Abort gives up what was produced since the last commit.
func (p *Producer) Abort(ctx context.Context) error {
	if p.session == nil || !p.begun {
		return nil
	}
	p.begun = false
	_, err := p.session.End(ctx, kgo.TryAbort)
	// The records that it gave up have failed; it waited for them.
	p.outcome.mu.Lock()
	p.outcome.failed, p.outcome.suspects = nil, nil
	p.outcome.mu.Unlock()
	return err
}
