package store

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
)

// rank is a key of a table in the order of unsigned bytes: its first 16 bytes as words, its size,
// and its slot, where the rest of a long key is found.
type rank struct {
	hi, lo uint64
	size   uint32
	index  uint32 // of the slot; not part of the order
}

// compare compares all but what follows the first 16 bytes: zero where both keys are long and
// begin alike, or are equal.
func (r *rank) compare(o *rank) int {
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

// after is the 32 bits that follow the first so many of the 128 of the words.
func (r *rank) after(skip int) uint32 {
	if skip >= 64 {
		return uint32(r.lo << (skip - 64) >> 32)
	}
	return uint32((r.hi<<skip | r.lo>>(64-skip)) >> 32)
}

// fullRank is a rank with the whole key: what an ordered index holds.
type fullRank struct {
	rank
	tail string // the bytes after the first 16
}

func rankOf(key []byte) fullRank {
	r := fullRank{rank: rank{size: uint32(len(key))}}
	r.hi, r.lo = words(key[:min(len(key), inlineBytes)])
	if len(key) > inlineBytes {
		r.tail = string(key[inlineBytes:])
	}
	return r
}

// appendTo appends the key.
func (r *fullRank) appendTo(dst []byte) []byte {
	dst = appendWords(dst, r.hi, r.lo, min(int(r.size), inlineBytes))
	return append(dst, r.tail...)
}

func (r *fullRank) less(o *fullRank) bool {
	return cmp.Or(r.compare(&o.rank), strings.Compare(r.tail, o.tail)) < 0
}

// rankSort sorts ranks. Sorting tens of thousands of keys by comparing them costs more than all
// the rest of a commit's encoding, so it counts digits: of the 32 bits that follow what all keys
// have in common, a byte at a time. Keys that are equal in these are sorted likewise, by what
// follows; few by comparing.
type rankSort struct {
	compare       func(a, b rank) int
	digits, spare []uint64 // the 32 bits, then the place in ranks
	moved         []rank
}

// compareMax is how many are sorted by comparing.
const compareMax = 64

func (s *rankSort) sort(ranks []rank) {
	skip := commonBits(ranks)
	if len(ranks) <= compareMax || skip == 128 {
		slices.SortFunc(ranks, s.compare)
		return
	}
	n := len(ranks)
	s.digits, s.spare = slices.Grow(s.digits[:0], n)[:n], slices.Grow(s.spare[:0], n)[:n]
	for i := range ranks {
		s.digits[i] = uint64(ranks[i].after(skip))<<32 | uint64(i)
	}
	for shift := 32; shift < 64; shift += 8 {
		s.pass(shift)
	}
	s.moved = append(s.moved[:0], ranks...)
	for i, d := range s.digits {
		ranks[i] = s.moved[uint32(d)]
	}
	// The buffers are used again below.
	for from := 0; from < n; {
		to := from + 1
		for to < n && ranks[to].after(skip) == ranks[from].after(skip) {
			to++
		}
		if to > from+1 {
			s.sort(ranks[from:to])
		}
		from = to
	}
}

// pass sorts digits by the byte at shift, keeping the order of those that are equal in it.
func (s *rankSort) pass(shift int) {
	var next [256]int
	for _, d := range s.digits {
		next[byte(d>>shift)]++
	}
	at := 0
	for i, n := range next {
		if n == len(s.digits) {
			return // all are equal
		}
		next[i] = at
		at += n
	}
	for _, d := range s.digits {
		i := byte(d >> shift)
		s.spare[next[i]] = d
		next[i]++
	}
	s.digits, s.spare = s.spare, s.digits
}

// commonBits is how many of the words' first bits are equal in all.
func commonBits(ranks []rank) int {
	var hi, lo uint64
	for i := range ranks {
		hi |= ranks[i].hi ^ ranks[0].hi
		lo |= ranks[i].lo ^ ranks[0].lo
	}
	if hi != 0 {
		return bits.LeadingZeros64(hi)
	}
	return 64 + bits.LeadingZeros64(lo)
}
