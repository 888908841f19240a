package data

import "encoding/binary"

// A key is 8 bytes of ASCII (lower-case hex); a value is 92 bytes of JSON whose fields are at fixed places, so that no
// workload measures a JSON parser:
//
//	{"seq":1000000000,"amount":123456,"flag":0,"note":"39 letters"}
const (
	KeyLen   = 8
	ValueLen = 92

	seqAt, seqEnd       = 7, 17
	amountAt, amountEnd = 27, 33
	flagAt              = 41
	noteAt, noteEnd     = 51, 90

	// FirstSeq keeps every sequence number at ten digits.
	FirstSeq = 1_000_000_000
)

const template = `{"seq":0000000000,"amount":000000,"flag":0,"note":"                                       "}`

// PutKey writes the key with this number.
func PutKey(dst []byte, id uint64) {
	const digits = "0123456789abcdef"
	for i := KeyLen - 1; i >= 0; i-- {
		dst[i] = digits[id&15]
		id >>= 4
	}
}

// KeyBits returns the 8 key bytes as one comparable number.
func KeyBits(key []byte) uint64 { return binary.BigEndian.Uint64(key) }

// PutValue writes a whole value; note holds at least 39 letters.
func PutValue(dst []byte, seq int64, amount int, note []byte) {
	copy(dst, template)
	putDigits(dst[seqAt:seqEnd], uint64(seq))
	putDigits(dst[amountAt:amountEnd], uint64(amount))
	copy(dst[noteAt:noteEnd], note)
}

func putDigits(dst []byte, n uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = '0' + byte(n%10)
		n /= 10
	}
}

func digits(b []byte) (n int64) {
	for _, c := range b {
		n = n*10 + int64(c-'0')
	}
	return n
}

// Seq returns the value's sequence number.
func Seq(value []byte) int64 { return digits(value[seqAt:seqEnd]) }

// Amount returns the value's amount.
func Amount(value []byte) int64 { return digits(value[amountAt:amountEnd]) }

// Kept is passthrough's filter: it drops amounts that end in 0.
func Kept(value []byte) bool { return value[amountEnd-1] != '0' }

// Flagged is passthrough's map: it copies value to dst and sets the flag.
func Flagged(dst, value []byte) {
	copy(dst, value)
	dst[flagAt] = '1'
}

// AmountOver is reduce's comparison: whether value has the higher amount.
func AmountOver(value, best []byte) bool {
	return string(value[amountAt:amountEnd]) > string(best[amountAt:amountEnd])
}

// JoinedLen is the length of join's output value.
const JoinedLen = ValueLen + seqEnd - seqAt

// Joined is join's function: the stream's value followed by the table value's sequence number.
func Joined(dst, stream, table []byte) {
	copy(dst, stream)
	copy(dst[ValueLen:], table[seqAt:seqEnd])
}

// WindowedKeyLen is the length of count's output key: the key, then the window's start as 8 bytes, big endian.
const WindowedKeyLen = KeyLen + 8

// PutWindowedKey writes count's output key.
func PutWindowedKey(dst, key []byte, start int64) {
	copy(dst, key)
	binary.BigEndian.PutUint64(dst[KeyLen:], uint64(start))
}

// WindowedKey reads count's output key.
func WindowedKey(b []byte) (key uint64, start int64) {
	return KeyBits(b), int64(binary.BigEndian.Uint64(b[KeyLen:]))
}

// WindowStart returns the start of the tumbling window that holds ts.
func WindowStart(ts, size int64) int64 { return ts - ts%size }

// Partition is Kafka's default partition of a key (murmur2).
func Partition(key []byte, partitions int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % partitions
}

func murmur2(b []byte) uint32 {
	const (
		seed uint32 = 0x9747b28c
		m    uint32 = 0x5bd1e995
		r           = 24
	)
	h := seed ^ uint32(len(b))
	for len(b) >= 4 {
		k := binary.LittleEndian.Uint32(b)
		k *= m
		k ^= k >> r
		k *= m
		h = h*m ^ k
		b = b[4:]
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}
