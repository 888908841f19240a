package processor

import (
	"testing"

	"pgregory.net/rapid"
)

// The values are those of Kafka's UtilsTest.testMurmur2.
func TestMurmur2IsKafkas(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
		"":    275646681,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
}

// A negative hash has its sign bit cut off, as Kafka's Utils.toPositive does: it is not negated.
func TestPartitionOfANegativeHash(t *testing.T) {
	if got, want := PartitionOf([]byte("foobar"), 10), int32((-790332482&0x7fffffff)%10); got != want {
		t.Errorf("got partition %d, want %d", got, want)
	}
}

func TestPartitionIsWithinTheTopic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		n := rapid.Int32Range(1, 1<<31-1).Draw(t, "partitions")
		if got := PartitionOf(key, n); got < 0 || got >= n {
			t.Fatalf("partition %d of %d", got, n)
		}
	})
}
