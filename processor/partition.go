package processor

import (
	"encoding/binary"

	"github.com/pitwheel/pitwheel/serde"
)

// PartitionOf is the partition, of that many, that Kafka's producers choose for a key's bytes.
// Kafka: BuiltInPartitioner.partitionForKey.
func PartitionOf(key []byte, partitions int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % partitions
}

// partitionKey gives the part of an encoded key that chooses its partition.
type partitionKey func(encoded []byte) []byte

func partitionKeyOf[K any](s serde.Serde[K]) partitionKey {
	if k, ok := s.(serde.PartitionKeyer); ok {
		return k.PartitionKey
	}
	return func(encoded []byte) []byte { return encoded }
}

// murmur2 is the 32-bit MurmurHash2 with the seed of org.apache.kafka.common.utils.Utils.murmur2.
// The number that a key hashes to decides where its state is, so it must be Java's to the bit.
func murmur2(data []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
	)
	h := seed ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(data[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}
