package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
)

// inlineBytes is how many key bytes stand in a slot itself; longer keys stand in an arena.
const inlineBytes = 16

// probe is a key made ready for tables: its bytes as two words, as a slot holds them, and its hash.
type probe struct {
	hi, lo uint64 // of a long key: the place in the arena (unknown here), and the length and part of the hash
	kind   uint64 // the low bits of a slot's meta
	hash   uint64
	bytes  []byte
}

// seeds make the hashes of one process differ from another's, so that nobody can prepare keys
// that collide. Nothing that leaves the package depends on them.
var (
	seedA, seedB, seedC = rand.Uint64(), rand.Uint64() | 1, rand.Uint64()
	longSeed            = maphash.MakeSeed()
)

// set makes p the probe of key, which it keeps.
func (p *probe) set(key []byte) {
	p.bytes = key
	if len(key) > inlineBytes {
		p.hash = maphash.Bytes(longSeed, key)
		p.kind, p.hi, p.lo = longKind, noPlace, longWord(p.hash, len(key))
		return
	}
	p.hi, p.lo = words(key)
	p.kind = inlineKind(len(key))
	p.hash = shortHash(p.hi, p.lo, p.kind)
}

// shortHash mixes a short key with two wide multiplications, as wyhash does: a third of the time
// of maphash.Bytes.
func shortHash(hi, lo, kind uint64) uint64 {
	a, b := bits.Mul64(hi^seedA, lo^seedB^kind)
	a, b = bits.Mul64(a^seedC, b^seedB)
	return a ^ b
}

// noPlace is no long key's place, so that the words alone never make two long keys equal.
const noPlace = 1<<64 - 1

// longWord is the second word of a long key's slot: it tells nearly all different keys apart
// without a look at the arena.
func longWord(hash uint64, size int) uint64 { return hash<<32 | uint64(uint32(size)) }

// words reads up to 16 bytes as two big-endian words padded with zeros, so that comparing the
// words, then the lengths, compares the bytes.
func words(b []byte) (hi, lo uint64) {
	switch n := len(b); {
	case n >= 8:
		hi = binary.BigEndian.Uint64(b)
		// The last 8 bytes overlap the first; the shift pushes the overlap out.
		lo = binary.BigEndian.Uint64(b[n-8:]) << (8 * (16 - n))
	case n >= 4:
		hi = uint64(binary.BigEndian.Uint32(b))<<32 | uint64(binary.BigEndian.Uint32(b[n-4:]))<<(8*(8-n))
	default:
		for i, x := range b {
			hi |= uint64(x) << (56 - 8*i)
		}
	}
	return hi, lo
}

// appendWords appends the size first bytes of the words: the inverse of words.
func appendWords(dst []byte, hi, lo uint64, size int) []byte {
	var b [inlineBytes]byte
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	return append(dst, b[:size]...)
}

// rank is a key in the order of unsigned bytes: its first 16 bytes as words, its size, and what
// follows of a long key.
type rank struct {
	hi, lo uint64
	size   uint32
	index  uint32 // of the slot; not part of the order
	tail   string // of a key in an ordered index: the bytes after the first 16
}

func rankOf(key []byte) rank {
	r := rank{size: uint32(len(key))}
	r.hi, r.lo = words(key[:min(len(key), inlineBytes)])
	if len(key) > inlineBytes {
		r.tail = string(key[inlineBytes:])
	}
	return r
}

// appendTo appends the key.
func (r *rank) appendTo(dst []byte) []byte {
	dst = appendWords(dst, r.hi, r.lo, min(int(r.size), inlineBytes))
	return append(dst, r.tail...)
}

func (r *rank) less(o *rank) bool {
	if c := r.compareHead(o); c != 0 || r.size <= inlineBytes || o.size <= inlineBytes {
		return c < 0
	}
	return r.tail < o.tail
}

// compareHead compares all but the tails: zero where both keys are long and begin alike, or are equal.
func (r *rank) compareHead(o *rank) int {
	switch {
	case r.hi != o.hi:
		return cmp.Compare(r.hi, o.hi)
	case r.lo != o.lo:
		return cmp.Compare(r.lo, o.lo)
	case r.size <= inlineBytes || o.size <= inlineBytes:
		// One is a prefix of the other: zeros that pad are not zeros of the key.
		return cmp.Compare(r.size, o.size)
	}
	return 0
}

// compareLong is compareHead with the bytes of long keys at hand.
func (r *rank) compareLong(o *rank, key func(uint32) []byte) int {
	if c := r.compareHead(o); c != 0 || r.size <= inlineBytes {
		return c
	}
	return bytes.Compare(key(r.index), key(o.index))
}
