package store

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"unsafe"

	"github.com/pitwheel/pitwheel/record"
)

// A slot's meta: from the low end the kind of its key, flags, and the generation of its last write.
const (
	kindMask  = 31
	longKind  = inlineBytes + 2 // the key stands in the arena; 1..17: a key of 0..16 bytes; 0: the slot is free
	absentBit = 1 << 5          // it is known that there is no such row
	usedBit   = 1 << 6          // it was asked for since the clock's hand passed
	doomedBit = 1 << 7          // it is being evicted
	flagMask  = 1<<32 - 1
	genShift  = 32
)

func inlineKind(size int) uint64 { return uint64(size) + 1 }

// slot is a row in a table. Its key's bytes are hi and lo; of a long key hi is its place and lo
// its length and a part of its hash. Meta and at are of the row's last write.
type slot[T any] struct {
	hi, lo uint64
	meta   uint64
	at     record.Time
	value  T
}

func (s *slot[T]) gen() uint32      { return uint32(s.meta >> genShift) }
func (s *slot[T]) absent() bool     { return s.meta&absentBit != 0 }
func (s *slot[T]) long() bool       { return s.meta&kindMask == longKind }
func (s *slot[T]) free() bool       { return s.meta&kindMask == 0 }
func (s *slot[T]) stamp(g uint32)   { s.meta = s.meta&flagMask | uint64(g)<<genShift }
func (s *slot[T]) longSize() uint32 { return uint32(s.lo) }

// table is an open-addressing hash table with linear probing. Where a key belongs is the high
// word of hash times capacity: so any capacity will do, growth may be by half, and the slots are
// in the order of hashes, which makes moving to another capacity two sequential passes.
//
// Beside the slots stands a byte for each, its tag: 0 of a free slot, else a part of the hash. Eight
// are looked at in one word, so that a look-up goes straight to the right slot, and one for a key
// that is not there goes to none. The tags of a million keys stay in the processor's caches; and
// as no branch depends on what comes from memory in a way that cannot be foretold, look-ups that
// follow one another overlap.
type table[T any] struct {
	tags  []byte // those of the first slots stand behind the last once more, for reads over the end
	slots []slot[T]
	count int   // slots not free
	limit int   // count at which it grows
	keys  arena // long keys
	gauge *int64
}

const (
	tableMin = 8
	// A table is at most 7/8 full and grows by half: after growing it is 7/12 full, which makes
	// 77 bytes a key of 40-byte slots.
	loadNumerator, loadDenominator = 7, 8

	tagGroup = 8 // tags in a word
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

func newTable[T any](capacity int, gauge *int64) table[T] {
	capacity = max(capacity, tableMin)
	t := table[T]{
		tags:  make([]byte, capacity+tagGroup-1),
		slots: make([]slot[T], capacity),
		limit: capacity * loadNumerator / loadDenominator,
		keys:  arena{gauge: gauge},
		gauge: gauge,
	}
	*gauge += t.slotBytes()
	return t
}

// slotBytes is what the slots take, with their tags and the list of dirty ones that stands beside.
func (t *table[T]) slotBytes() int64 {
	return int64(len(t.slots)) * int64(unsafe.Sizeof(slot[T]{})+1+unsafe.Sizeof(uint32(0)))
}

// tagOf is a key's tag, of the bits of its hash that its place depends on least.
func tagOf(hash uint64) byte { return byte(max(hash&0xff, 1)) }

// zeroBytes has the highest bit of the word's first zero byte set, and perhaps of later ones, which
// may not be zero.
func zeroBytes(w uint64) uint64 { return (w - lowBits) &^ w & highBits }

// find is the slot of p's key, or the free one where it would go.
func (t *table[T]) find(p *probe) (i int, ok bool) {
	n := len(t.slots)
	home, _ := bits.Mul64(p.hash, uint64(n))
	tag := uint64(tagOf(p.hash)) * lowBits
	for at := int(home); ; {
		w := binary.LittleEndian.Uint64(t.tags[at:])
		for m := zeroBytes(w ^ tag); m != 0; m &= m - 1 {
			if i = at + bits.TrailingZeros64(m)/8; i >= n {
				i -= n
			}
			s := &t.slots[i]
			if s.lo == p.lo && s.meta&kindMask == p.kind && (s.hi == p.hi || p.kind == longKind && t.sameLong(s, p)) {
				return i, true
			}
		}
		if m := zeroBytes(w); m != 0 {
			if i = at + bits.TrailingZeros64(m)/8; i >= n {
				i -= n
			}
			return i, false
		}
		if at += tagGroup; at >= n {
			at -= n
		}
	}
}

// setTag marks slot i as taken.
func (t *table[T]) setTag(i int, hash uint64) {
	tag := tagOf(hash)
	t.tags[i] = tag
	if i < tagGroup-1 {
		t.tags[len(t.slots)+i] = tag
	}
}

func (t *table[T]) sameLong(s *slot[T], p *probe) bool { return bytes.Equal(t.longKey(s), p.bytes) }

func (t *table[T]) longKey(s *slot[T]) []byte { return t.keys.at(placeOf(s.hi, s.longSize())) }

// full says that the next insert must be preceded by resize.
func (t *table[T]) full() bool { return t.count >= t.limit }

// insert puts p's key into the free slot i, which find gave.
func (t *table[T]) insert(i int, p *probe) *slot[T] {
	s := &t.slots[i]
	s.hi, s.lo, s.meta = p.hi, p.lo, p.kind
	if p.kind == longKind {
		s.hi = addTo(&t.keys, p.bytes).word()
	}
	t.setTag(i, p.hash)
	t.count++
	return s
}

// rebuilt is a table of that capacity with the slots that keep accepts, in their order; moved is
// told where each stands now. A long key keeps its bytes in a new arena.
func (t *table[T]) rebuilt(capacity int, keep func(*slot[T]) bool, moved func(i int, s *slot[T])) table[T] {
	to := newTable[T](capacity, t.gauge)
	n := len(to.slots)
	for i := range t.slots {
		s := &t.slots[i]
		if s.free() || !keep(s) {
			continue
		}
		hash := t.hashOf(s)
		home, _ := bits.Mul64(hash, uint64(n))
		j := int(home)
		for to.tags[j] != 0 {
			if j++; j == n {
				j = 0
			}
		}
		to.slots[j] = *s
		to.setTag(j, hash)
		if s.long() {
			to.slots[j].hi = addTo(&to.keys, t.longKey(s)).word()
		}
		to.count++
		moved(j, &to.slots[j])
	}
	return to
}

func (t *table[T]) hashOf(s *slot[T]) uint64 {
	if s.long() {
		return maphash.Bytes(longSeed, t.longKey(s))
	}
	return shortHash(s.hi, s.lo, s.meta&kindMask)
}

// appendKey appends the slot's key.
func (t *table[T]) appendKey(dst []byte, s *slot[T]) []byte {
	if s.long() {
		return append(dst, t.longKey(s)...)
	}
	return appendWords(dst, s.hi, s.lo, int(s.meta&kindMask)-1)
}

// rankAt is the rank of the slot's key.
func (t *table[T]) rankAt(i int) rank {
	s := &t.slots[i]
	r := rank{index: uint32(i)}
	if s.long() {
		r.size = s.longSize()
		r.hi, r.lo = words(t.longKey(s)[:inlineBytes])
		return r
	}
	r.hi, r.lo, r.size = s.hi, s.lo, uint32(s.meta&kindMask)-1
	return r
}

// sorted is the ranks of the slots that want accepts, in the order of their keys' bytes.
func (t *table[T]) sorted(want func(*slot[T]) bool) []rank {
	ranks := make([]rank, 0, t.count)
	for i := range t.slots {
		if s := &t.slots[i]; !s.free() && want(s) {
			ranks = append(ranks, t.rankAt(i))
		}
	}
	t.sort(ranks)
	return ranks
}

// sort puts ranks into the order of their keys' bytes.
func (t *table[T]) sort(ranks []rank) {
	s := rankSort{compare: func(a, b rank) int {
		if c := a.compare(&b); c != 0 || a.size <= inlineBytes {
			return c
		}
		return bytes.Compare(t.longKey(&t.slots[a.index]), t.longKey(&t.slots[b.index]))
	}}
	s.sort(ranks)
}

// drop gives back what the table was charged for.
func (t *table[T]) drop() {
	*t.gauge -= t.slotBytes()
	t.keys.drop()
	t.tags, t.slots, t.count = nil, nil, 0
}
