package store

import (
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
