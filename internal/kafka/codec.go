package kafka

import "github.com/twmb/franz-go/pkg/kgo"

// Codec is how a producer packs its batches.
type Codec int

// The codecs.
const (
	NoCodec Codec = iota
	LZ4
	Snappy
	Zstd
	Gzip
)

func (c Codec) option() kgo.Opt {
	switch c {
	case LZ4:
		return kgo.ProducerBatchCompression(kgo.Lz4Compression())
	case Snappy:
		return kgo.ProducerBatchCompression(kgo.SnappyCompression())
	case Zstd:
		return kgo.ProducerBatchCompression(kgo.ZstdCompression())
	case Gzip:
		return kgo.ProducerBatchCompression(kgo.GzipCompression())
	default:
		return kgo.ProducerBatchCompression(kgo.NoCompression())
	}
}
