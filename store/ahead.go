package store

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/pitwheel/pitwheel/record"
)

// A row that is not in the processor's caches takes the time of hundreds of instructions to come
// from memory, and a look-up has too many instructions of its own for the processor to begin many
// of them at once. So where the keys that will be looked up are known, a batch of them is touched
// first: short work whose misses overlap.

// aheadMin is the number of slots from which touching ahead pays: smaller tables stay in the
// processor's caches.
const aheadMin = 16 << 10

// Ahead says that the keys of these bytes will be looked up in that window soon. It changes
// nothing but the time that takes.
func (s *WindowStore[K, V]) Ahead(start record.Time, keys [][]byte) { s.rows.ahead(start, keys) }

// Ahead says that the keys of these bytes will be looked up soon. It changes nothing but the time
// that takes.
func (s *KeyValueStore[K, V]) Ahead(keys [][]byte) { s.rows.ahead(0, keys) }

func (c *cache[V, T]) ahead(start record.Time, keys [][]byte) {
	g := c.recent[recentAt(start)]
	if g == nil || g.start != start || len(g.rows.slots) < aheadMin {
		return
	}
	for len(keys) > 0 {
		n := min(len(keys), aheadBatch)
		c.touched += g.rows.ahead(keys[:n]) // kept, or the compiler would leave the reads out
		keys = keys[n:]
	}
}

// aheadBatch is how many keys are touched at a time.
const aheadBatch = 64

// ahead reads from the slots where the keys most probably stand, in three passes of few
// instructions each, so that the reads of a pass overlap: where the tags are, which slot they say,
// the slot. Of a slot it reads the first word and the last byte, because a slot may reach over two
// lines of the processor's caches; the byte is within the slot, so reading it by its address is
// sound.
func (t *table[T]) ahead(keys [][]byte) (touched uint64) {
	var hashes, places [aheadBatch]uint64
	n := uint64(len(t.slots))
	var p probe
	for i, key := range keys {
		p.set(key)
		hashes[i] = p.hash
	}
	for i, hash := range hashes[:len(keys)] {
		home, _ := bits.Mul64(hash, n)
		m := zeroBytes(binary.LittleEndian.Uint64(t.tags[home:]) ^ uint64(tagOf(hash))*lowBits)
		places[i] = home + uint64(bits.TrailingZeros64(m|1<<63))/8
	}
	for _, place := range places[:len(keys)] {
		s := &t.slots[min(place, n-1)]
		touched += s.hi + uint64(*(*byte)(unsafe.Add(unsafe.Pointer(s), unsafe.Sizeof(*s)-1)))
	}
	return touched
}
