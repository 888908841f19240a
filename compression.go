package pitwheel

import "github.com/pitwheel/pitwheel/internal/kafka"

// Compression is how batches of produced records are packed: outputs, changelogs and repartition topics.
// What was written before may be packed otherwise; records are read whatever it is.
type Compression int

// The compressions. Kafka: compression.type of producers.
const (
	NoCompression Compression = iota // the cheapest for the app; brokers keep more bytes
	LZ4
	Snappy
	Zstd
	Gzip
)

// codecs are the client's, in the order of the constants.
var codecs = []kafka.Codec{kafka.NoCodec, kafka.LZ4, kafka.Snappy, kafka.Zstd, kafka.Gzip}

func (c Compression) known() bool { return c >= 0 && int(c) < len(codecs) }
