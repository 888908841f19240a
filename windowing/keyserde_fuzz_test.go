package windowing

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/pitwheel/pitwheel/serde"
)

// FuzzDecodeKey feeds the decoder anything: what it accepts is written as the same bytes.
func FuzzDecodeKey(f *testing.F) {
	f.Add([]byte("a\x00\x00\x00\x00\x00\x00\x4e\x20"), int64(10_000))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"), int64(1))
	f.Add([]byte("short"), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, data []byte, size int64) {
		s := Tumbling(time.Duration(max(1, size/int64(ms))) * ms).KeySerde(serde.String())
		s.(serde.PartitionKeyer).PartitionKey(data)
		k, err := s.Decode(bytes.Clone(data))
		if err != nil {
			return
		}
		if k.Start < 0 || (k.End <= k.Start && k.Start != math.MaxInt64) {
			t.Errorf("%x is the window %v", data, k)
		}
		if got, err := s.Append(nil, k); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%x became %v and then %x, %v", data, k, got, err)
		}
	})
}
