package kafka

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/pitwheel/pitwheel/record"
)

// TestBatchesArePackedAsAsked looks at the batches that come to the broker, and reads them back.
func TestBatchesArePackedAsAsked(t *testing.T) {
	for codec, want := range map[Codec]kgo.CompressionCodecType{
		NoCodec: kgo.CodecNone, LZ4: kgo.CodecLz4, Snappy: kgo.CodecSnappy, Zstd: kgo.CodecZstd, Gzip: kgo.CodecGzip,
	} {
		f := newFake(t, 1, "out")
		var got []kgo.CompressionCodecType
		f.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
			f.KeepControl()
			for _, topic := range r.(*kmsg.ProduceRequest).Topics {
				for _, p := range topic.Partitions {
					var batch kmsg.RecordBatch
					if err := batch.ReadFrom(p.Records); err != nil {
						t.Error(err)
					}
					got = append(got, kgo.CompressionCodecType(batch.Attributes&7))
				}
			}
			return nil, nil, false
		})
		p, err := NewProducer(limited(t), f.config, ProducerConfig{Codec: codec})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		value := strings.Repeat("pack me ", 1000)
		p.mustProduce(t, "out", value)
		if err := p.Flush(limited(t)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]kgo.CompressionCodecType{want}, got); diff != "" {
			t.Errorf("codec %d: %s", codec, diff)
		}
		r, err := NewReader(f.config, map[record.Partition]int64{{Topic: "out"}: 0})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		err = r.Poll(limited(t), func(b Fetched) {
			if len(b.Records) != 1 || string(b.Records[0].Value) != value {
				t.Errorf("codec %d: read back %d records", codec, len(b.Records))
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
}
