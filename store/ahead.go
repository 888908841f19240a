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
	var p probe
	touched := uint64(0)
	for _, key := range keys {
		p.set(key)
		touched += g.rows.ahead(&p)
	}
	c.touched = touched // or the compiler would leave the reads out
}

// ahead reads from the slot where p's key most probably stands: its first word and its last byte,
// because a slot may reach over two lines of the processor's caches. The last byte is within the slot,
// so reading it by its address is sound.
func (t *table[T]) ahead(p *probe) uint64 {
	n := uint64(len(t.slots))
	home, _ := bits.Mul64(p.hash, n)
	w := binary.LittleEndian.Uint64(t.tags[home:])
	m := zeroBytes(w ^ uint64(tagOf(p.hash))*lowBits)
	i := home + uint64(bits.TrailingZeros64(m|1<<63))/8
	s := &t.slots[min(i, n-1)]
	return s.hi + uint64(*(*byte)(unsafe.Add(unsafe.Pointer(s), unsafe.Sizeof(*s)-1)))
}
