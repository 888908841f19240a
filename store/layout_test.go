package store

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// The end of a prefix is the least key after all that begin with it. Bytes count, whether they are
// text or not.
func TestPrefixEndIsTheLeastKeyAfterThePrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := append([]byte{dataArea}, rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "prefix")...)
		key := append([]byte{dataArea}, rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "key")...)
		end := prefixEnd(prefix)
		for _, key := range [][]byte{key, append(bytes.Clone(prefix), key...)} {
			inside := bytes.Compare(prefix, key) <= 0 && bytes.Compare(key, end) < 0
			if inside != bytes.HasPrefix(key, prefix) {
				t.Fatalf("key %x is between prefix %x and its end %x: %v", key, prefix, end, inside)
			}
		}
	})
}
