package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/processor"
	"github.com/pitwheel/pitwheel/record"
)

// Refused says that brokers will never take this very record, whatever became of others: it is too
// large, or not valid for its topic. What they say of a whole topic, such as missing rights, is not
// meant. Kafka Streams asks its ProductionExceptionHandler for these and fails for those.
func Refused(err error) bool {
	for _, code := range []error{
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.UnsupportedForMessageFormat,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// Suspect is a record that was refused, by itself or together with others: brokers refuse whole
// batches, and with one goes all that waits behind it for the same partition.
type Suspect struct {
	record *kgo.Record
	err    *ProduceError
}

// Topic is the record's.
func (s *Suspect) Topic() string { return s.record.Topic }

// TooLarge says that it was, or its batch.
func (s *Suspect) TooLarge() bool {
	return tooLarge(s.err)
}

func tooLarge(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge)
}

// Suspects are what was refused since the last Renew, in order; complete after Flush.
func (p *Producer) Suspects() []Suspect {
	p.outcome.mu.Lock()
	defer p.outcome.mu.Unlock()
	return p.outcome.suspects
}

// RefusedRecord is a record that brokers refuse by itself. Its partition is -1.
type RefusedRecord struct {
	processor.Output
	Err *ProduceError
}

// maxFound is how many refused records one search finds: each takes a new client.
const maxFound = 16

// FindRefused finds the refused records among suspects, or the first of them. It sends suspects
// again, in ever smaller groups, in transactions that are given up: who reads committed records does
// not see them. Without transactions they are sent for good, as by a commit that is done again. Call
// Renew before; the producer is as after a Renew then. Error: something else is wrong.
func (p *Producer) FindRefused(ctx context.Context, suspects []Suspect) ([]RefusedRecord, error) {
	s := search{producer: p}
	type partition struct {
		topic string
		id    int32
	}
	var order []partition
	groups := map[partition][]Suspect{}
	for _, x := range suspects {
		of := partition{x.record.Topic, x.record.Partition}
		if groups[of] == nil {
			order = append(order, of)
		}
		groups[of] = append(groups[of], x)
	}
	for _, of := range order {
		group := groups[of]
		if len(group) == 1 { // nothing else can be why
			s.found = append(s.found, refused(&group[0], group[0].err))
			continue
		}
		if err := s.split(ctx, group); err != nil {
			return nil, errors.Join(err, p.Renew(ctx))
		}
	}
	if !s.sent {
		return s.found, nil
	}
	return s.found, p.Renew(ctx)
}

// search is a FindRefused under way.
type search struct {
	producer *Producer
	found    []RefusedRecord
	sent     bool
}

// split looks for refused records in the halves of a group that was refused.
func (s *search) split(ctx context.Context, group []Suspect) error {
	half := len(group) / 2
	if err := s.try(ctx, group[:half]); err != nil {
		return err
	}
	return s.try(ctx, group[half:])
}

// try sends the group and, if it is refused, looks for why.
func (s *search) try(ctx context.Context, group []Suspect) error {
	if len(s.found) >= maxFound {
		return nil
	}
	err := s.producer.attempt(ctx, group)
	s.sent = true
	if err == nil {
		return nil
	}
	produce, ok := errors.AsType[*ProduceError](err)
	if !ok || !Refused(err) {
		return err
	}
	// The client goes on after that under a new epoch, out of the transaction.
	if err := s.producer.Renew(ctx); err != nil {
		return err
	}
	if len(group) > 1 {
		return s.split(ctx, group)
	}
	s.found = append(s.found, refused(&group[0], produce))
	return nil
}

// attempt sends copies of the records and waits for what becomes of them.
func (p *Producer) attempt(ctx context.Context, of []Suspect) error {
	if err := p.begin(); err != nil {
		return err
	}
	for _, s := range of {
		r := &kgo.Record{
			Topic: s.record.Topic, Partition: s.record.Partition, Key: s.record.Key, Value: s.record.Value,
			Timestamp: s.record.Timestamp, Headers: s.record.Headers,
		}
		p.client.Produce(ctx, r, p.noted)
	}
	return p.Flush(ctx)
}

func refused(s *Suspect, err *ProduceError) RefusedRecord {
	r := s.record
	out := processor.Output{
		Topic: &processor.Topic{Name: r.Topic}, Partition: -1, Key: r.Key, Value: r.Value, Time: record.TimeOf(r.Timestamp),
	}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, record.Header{Key: h.Key, Value: h.Value})
	}
	return RefusedRecord{Output: out, Err: err}
}

// UnknownTopic says that there is no such topic, or that another one has its name now. A broker that
// has not heard of a new topic says so too.
func UnknownTopic(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

// NotAllowed says that a right on a topic is missing.
func NotAllowed(err error) bool { return errors.Is(err, kerr.TopicAuthorizationFailed) }
