package bench

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// batches are the flow's records as brokers send them: record batches of 1,000, not compressed.
type batches struct {
	bytes   [][]byte
	records int // in each
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func makeBatches(raws []record.Raw) batches {
	b := batches{records: 1000}
	for len(raws) >= b.records {
		b.bytes = append(b.bytes, makeBatch(raws[:b.records]))
		raws = raws[b.records:]
	}
	return b
}

func makeBatch(raws []record.Raw) []byte {
	var records []byte
	for i := range raws {
		r := kmsg.Record{OffsetDelta: int32(i), Key: raws[i].Key, Value: raws[i].Value}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // a length of 0 takes one byte
		records = r.AppendTo(records)
	}
	batch := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, LastOffsetDelta: int32(len(raws) - 1),
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(len(raws)), Records: records,
	}
	return batch.AppendTo(nil)
}

// stamp sets a batch's first offset and time, and the sums that cover them.
func stamp(batch []byte, offset, at int64) {
	binary.BigEndian.PutUint64(batch, uint64(offset))
	binary.BigEndian.PutUint32(batch[8:], uint32(len(batch)-12))
	binary.BigEndian.PutUint64(batch[27:], uint64(at))
	binary.BigEndian.PutUint64(batch[35:], uint64(at))
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], castagnoli))
}

// decode is what the client and the engine make of a fetched batch.
func decode(tb testing.TB, batch []byte, decompress kgo.Decompressor) []record.Raw {
	tb.Helper()
	fetched, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: "in"},
		&kmsg.FetchResponseTopicPartition{RecordBatches: batch, HighWatermark: 1 << 60, LastStableOffset: 1 << 60}, decompress, nil)
	if fetched.Err != nil {
		tb.Fatal(fetched.Err)
	}
	raws := make([]record.Raw, len(fetched.Records))
	for i, r := range fetched.Records {
		raws[i] = record.Raw{Key: r.Key, Value: r.Value, Time: record.TimeOf(r.Timestamp), Offset: r.Offset, LeaderEpoch: r.LeaderEpoch}
	}
	return raws
}

// BenchmarkTumblingCountFromBytes is BenchmarkTumblingCount from the bytes of fetched batches on.
func BenchmarkTumblingCountFromBytes(b *testing.B) {
	f := newFlow(b)
	in := makeBatches(f.raws)
	decompress := kgo.DefaultDecompressor()
	f.run(b, 2*flowRate)
	offset, due := int64(2*flowRate), flowRate
	var decoding time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i*in.records < b.N; i++ {
		batch := in.bytes[i%len(in.bytes)]
		begin := time.Now()
		stamp(batch, offset, offset*1000/flowRate)
		raws := decode(b, batch, decompress)
		decoding += time.Since(begin)
		f.feed(b, raws)
		offset += int64(in.records)
		if due -= in.records; due <= 0 {
			due = flowRate
			f.commit(b)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(decoding.Nanoseconds())/float64(b.N), "decode-ns/record")
}

// BenchmarkProduce is a changelog record on its way through the client to the embedded Kafka, whose
// share in the same process is in the figure.
func BenchmarkProduce(b *testing.B) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "out"))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(1<<20), kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	failed := error(nil)
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			failed = err
		}
	}
	key, value := make([]byte, 20), make([]byte, 8)
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	var slab []kgo.Record
	for range b.N {
		if len(slab) == 0 {
			slab = make([]kgo.Record, 256)
		}
		r := &slab[0]
		slab = slab[1:]
		r.Topic, r.Key, r.Value = "out", key, value
		client.Produce(ctx, r, done)
	}
	if err := client.Flush(ctx); err != nil || failed != nil {
		b.Fatal(err, failed)
	}
}
