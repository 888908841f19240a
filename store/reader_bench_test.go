package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pitwheel/pitwheel/serde"
)

// BenchmarkReaderGet times a query's look-up of a row beside an owner that does nothing.
func BenchmarkReaderGet(b *testing.B) {
	for _, onDisk := range []bool{false, true} {
		for _, n := range []int{1_000, 100_000} {
			b.Run(fmt.Sprintf("disk=%v/keys=%d", onDisk, n), func(b *testing.B) {
				c := SpaceConfig{}
				if onDisk {
					c.Dir = b.TempDir()
				}
				s, err := OpenSpace(c)
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				kv := OpenKeyValue(s, Definition{Name: "kv"}, serde.Bytes(), serde.Int64())
				key := func(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
				for i := range n {
					kv.Put(key(i), int64(i))
				}
				apply(b, s)
				if err := s.Flush(); err != nil {
					b.Fatal(err)
				}
				reader := NewKeyValueReader(parts{here: []*Committed{s.Committed("kv")}}, func() Serdes[[]byte, int64] {
					return Serdes[[]byte, int64]{serde.Bytes(), serde.Int64()}
				})
				ctx, random := context.Background(), rand.New(rand.NewPCG(1, 2))
				b.ReportAllocs()
				for b.Loop() {
					if _, ok, err := reader.Get(ctx, key(random.IntN(n))); !ok || err != nil {
						b.Fatal(ok, err)
					}
				}
			})
		}
	}
}
