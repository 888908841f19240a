package broker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/bench/internal/data"
)

// Fill creates the topic and produces the whole set, in the set's order within each partition. A topic that holds the
// set already is left alone. It returns the number of records produced.
func Fill(ctx context.Context, brokers, topic string, set data.Set, configs map[string]string) (int64, error) {
	adm, err := Admin(brokers)
	if err != nil {
		return 0, err
	}
	defer adm.Close()
	fresh, err := CreateTopic(ctx, adm, topic, set.Partitions, configs)
	if err != nil {
		return 0, err
	}
	if !fresh {
		ends, err := Ends(ctx, adm, topic, false)
		if err != nil {
			return 0, err
		}
		if Sum(ends) == set.Records {
			return 0, nil
		}
		if Sum(ends) != 0 {
			return 0, fmt.Errorf("broker: topic %s has %d of %d records: delete it first", topic, Sum(ends), set.Records)
		}
	}
	cl, err := kgo.NewClient(Brokers(brokers),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(200_000), kgo.MaxBufferedBytes(256<<20),
		kgo.ProducerBatchMaxBytes(1_000_000),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	gen, err := data.NewGen(set)
	if err != nil {
		return 0, err
	}
	var firstErr FirstError
	slab := NewSlab(topic)
	var n int64
	var rec data.Record
	for gen.Next(&rec) && firstErr.Err() == nil {
		cl.Produce(ctx, slab.Record(rec.Key, rec.Value, rec.TsMs, rec.Partition), firstErr.Promise)
		n++
	}
	if err := cl.Flush(ctx); err != nil {
		return n, err
	}
	return n, firstErr.Err()
}

// FirstError keeps the first error of many produce promises.
type FirstError struct {
	mu  sync.Mutex
	err error
}

// Promise is for kgo's Produce.
func (f *FirstError) Promise(_ *kgo.Record, err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	if f.err == nil {
		f.err = err
	}
	f.mu.Unlock()
}

// Err returns the first error.
func (f *FirstError) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Slab hands out records whose structs and bytes come from large blocks, so that a record costs no allocation of its own.
type Slab struct {
	topic string
	recs  []kgo.Record
	bytes []byte
}

// NewSlab makes a slab for records of one topic.
func NewSlab(topic string) *Slab { return &Slab{topic: topic} }

// Record copies key and value.
func (s *Slab) Record(key, value []byte, tsMs int64, partition int32) *kgo.Record {
	r := s.Blank(len(key), len(value), tsMs, partition)
	copy(r.Key, key)
	copy(r.Value, value)
	return r
}

// Blank leaves key and value for the caller to write.
func (s *Slab) Blank(keyLen, valueLen int, tsMs int64, partition int32) *kgo.Record {
	if len(s.recs) == 0 {
		s.recs = make([]kgo.Record, 1024)
	}
	if len(s.bytes) < keyLen+valueLen {
		s.bytes = make([]byte, 128<<10)
	}
	r := &s.recs[0]
	s.recs = s.recs[1:]
	r.Topic, r.Partition, r.Timestamp = s.topic, partition, time.UnixMilli(tsMs)
	r.Key, r.Value = s.bytes[:keyLen:keyLen], s.bytes[keyLen:keyLen+valueLen:keyLen+valueLen]
	s.bytes = s.bytes[keyLen+valueLen:]
	return r
}
