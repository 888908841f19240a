package store

// chunkMax bounds a chunk of an arena, so that a view that is kept keeps little else.
const (
	chunkMin = 256
	chunkMax = 64 << 10
)

// arena holds byte strings in chunks that are only ever appended to: what stands in one never
// changes, so views are handed out without a copy. Strings that are no longer wanted are garbage
// until the owner rebuilds the arena.
type arena struct {
	chunks [][]byte
	held   int    // bytes of all chunks
	filled int    // bytes appended
	live   int    // bytes appended and not released
	gauge  *int64 // its owner's sum of held
}

// place is where a byte string stands.
type place struct{ chunk, offset, size uint32 }

// addTo appends s to a.
func addTo[B ~string | ~[]byte](a *arena, s B) place {
	last := len(a.chunks) - 1
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < len(s) {
		size := max(len(s), min(chunkMax, max(chunkMin, a.held/2)))
		a.chunks = append(a.chunks, make([]byte, 0, size))
		a.held += size
		*a.gauge += int64(size)
		last++
	}
	chunk := a.chunks[last]
	p := place{uint32(last), uint32(len(chunk)), uint32(len(s))}
	a.chunks[last] = append(chunk, s...)
	a.filled += len(s)
	a.live += len(s)
	return p
}

// at is a view of what stands at p; never nil.
func (a *arena) at(p place) []byte {
	if p.size == 0 {
		return []byte{}
	}
	end := p.offset + p.size
	return a.chunks[p.chunk][p.offset:end:end]
}

// release says that what stands at p is no longer wanted.
func (a *arena) release(p place) { a.live -= int(p.size) }

// wasteful is true where more than half of the arena is garbage and it is worth a rebuild.
func (a *arena) wasteful() bool { return a.filled > 16*chunkMin && a.live < a.filled/2 }

// drop forgets everything.
func (a *arena) drop() {
	*a.gauge -= int64(a.held)
	*a = arena{gauge: a.gauge}
}

// word packs a place of a long key, whose size stands elsewhere, into a slot's word.
func (p place) word() uint64 { return uint64(p.chunk)<<32 | uint64(p.offset) }

func placeOf(word uint64, size uint32) place { return place{uint32(word >> 32), uint32(word), size} }
